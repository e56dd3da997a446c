"""A network's forward pass as a flat list of ATen calls, without computing anything.

The module is copied with every parameter on the `meta` device, so recording needs no memory for weights, leaves the
user's module as it was, and costs a fraction of `torch.export` (MobileNetV2 at 224x224: see benchmarks/tracing.py).
A forward pass whose path depends on the values of tensors cannot be recorded and is refused with the user's line.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from edgeprune.errors import ModelError
from edgeprune.model.shapes import output_shapes
from edgeprune.model.twin import twin

_LIBRARY = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<")
_VALUE_READS = {"aten._local_scalar_dense", "aten.item", "aten.equal", "aten.nonzero", "aten.masked_select"}
_RANDOM = {"aten.bernoulli", "aten.rand", "aten.randn", "aten.rand_like", "aten.randn_like", "aten.native_dropout"}


class ForwardError(ModelError):
    """The user's forward pass raised; `where` is their line."""

    def __init__(self, message: str, hint: str, where: str):
        super().__init__(message, hint)
        self.where = where


@dataclass(frozen=True)
class Ref:
    """Stands for a tensor among a call's arguments: an index into `Recording.shapes`."""

    value: int


@dataclass(frozen=True, eq=False)
class Call:
    """One ATen call.

    Attributes:
        target: operator without overload and in-place mark, `aten.relu`.
        args: every argument of the operator's schema by name, defaults filled in, tensors as `Ref`.
        outputs: values it makes.
        layer: the innermost torch.nn layer running, `block1.conv1`; else the module and the operator, `block1.add`.
        where: the user's line, `model.py:42`.
    """

    target: str
    args: Mapping[str, Any]
    outputs: tuple[int, ...]
    layer: str
    where: str

    def tensor(self, name: str) -> int:
        """The value bound to a tensor argument."""
        return int(self.args[name].value)


@dataclass(frozen=True, eq=False)
class Recording:
    """Calls in order over numbered values.

    Attributes:
        skeleton: the copy on the meta device the calls were recorded from.
        shapes: of every value, as torch has it (NCHW).
        parameters: value -> name of the parameter or buffer it is; a tied one has its first name.
        constants: values that are neither parameters nor computed: tensors kept outside the module's parameters.
        inputs, outputs: values of the network.
    """

    skeleton: nn.Module
    calls: tuple[Call, ...]
    shapes: tuple[tuple[int, ...], ...]
    parameters: Mapping[int, str]
    constants: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def record(module: nn.Module, example_shapes: Sequence[Sequence[int]]) -> Recording:
    """Runs the module's forward pass in eval mode on shapes alone.

    Args:
        module: any network; not changed.
        example_shapes: one shape per input, batch first; float32.

    Raises:
        ModelError: the pass fails, reads a tensor's value, draws random numbers, or returns other things than tensors.
    """
    skeleton = twin(module, lambda tensor: torch.empty_like(tensor, device="meta"))
    recorder = _Recorder()
    for name, tensor in [*skeleton.named_parameters(), *skeleton.named_buffers()]:
        recorder.parameters[recorder.value_of(tensor)] = name
    inputs = [torch.empty(*shape, device="meta") for shape in example_shapes]
    input_values = tuple(recorder.value_of(tensor) for tensor in inputs)
    hooks = [
        hook
        for path, child in skeleton.named_modules()
        if path
        for hook in (
            child.register_forward_pre_hook(recorder.entering(path, child), prepend=True),
            child.register_forward_hook(recorder.leaving, always_call=True),
        )
    ]
    try:
        with torch.no_grad(), torch.device("meta"), recorder:
            result = skeleton(*inputs)
    except ModelError:
        raise
    except Exception as error:
        # Whatever the user's forward raises ends up here: it is their code that runs.
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        where = _failed_at(error)
        raise ForwardError(
            f"the forward pass fails on input {_shapes_text(example_shapes)} at {where}: {reason}",
            "run the module once on such an input in eval mode; a size written as a number is the usual cause",
            where,
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    outputs = tuple(_tensors(result))
    for tensor in outputs:
        recorder.forbid_stale(tensor, "the end of forward()")
    return Recording(
        skeleton,
        tuple(recorder.calls),
        tuple(recorder.shapes),
        recorder.parameters,
        tuple(recorder.constants),
        input_values,
        tuple(recorder.value_of(tensor) for tensor in outputs),
    )


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each call under autograd's level, where composite functions are already taken apart."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self.shapes: list[tuple[int, ...]] = []
        self.parameters: dict[int, str] = {}
        self.constants: list[int] = []
        self._value_of_id: dict[int, int] = {}
        self._alive: list[Tensor] = []  # ids stay unique only while their tensors live
        self._layers: list[str] = []
        self._written: dict[int, int] = {}  # storage -> values that existed when it was last written in place

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's switch against wrapping the mode for its compiler, whose import alone takes seconds."""
        return False

    def entering(self, path: str, module: nn.Module) -> Callable[..., None]:
        is_layer = type(module).__module__.startswith("torch.nn.modules") and not list(module.children())
        label = path if is_layer else f"{path}."

        def hook(_module: nn.Module, _args: Any) -> None:
            self._layers.append(label)

        return hook

    def leaving(self, _module: nn.Module, _args: Any, _result: Any) -> None:
        self._layers.pop()

    def value_of(self, tensor: Tensor) -> int:
        """The value a tensor object holds now."""
        if id(tensor) not in self._value_of_id:
            self._bind(tensor)
        return self._value_of_id[id(tensor)]

    def _bind(self, tensor: Tensor) -> int:
        self._alive.append(tensor)
        self.shapes.append(tuple(tensor.shape))
        self._value_of_id[id(tensor)] = len(self.shapes) - 1
        return len(self.shapes) - 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = f"{func.namespace}.{func._schema.name.split('::')[1]}"
        in_place = name.endswith("_") and not name.endswith("__")
        target = name.rstrip("_") if in_place else name
        where = _user_line(sys._getframe(1))
        if target in _VALUE_READS:
            raise ModelError(
                f"forward() reads the value of a tensor at {where}: its path depends on the data",
                hint="an if, a loop or an int() over a tensor cannot become fixed code; use torch.where or take it out",
            )
        if target in _RANDOM:
            raise ModelError(f"forward() draws random numbers at {where}, even in eval mode")
        if target == "prim.device":
            return func(*args, **(kwargs or {}))
        given = _by_name(func, args, kwargs or {})
        bound = {name: self._with_refs(argument, where) for name, argument in given.items()}
        result = self._run(func, target, in_place, given, args, kwargs or {})
        if in_place:
            self._written[_storage(result)] = len(self.shapes)
        outputs = tuple(self._bind(tensor) for tensor in _tensors(result))
        self.calls.append(Call(target, bound, outputs, self._layer(target), where))
        return result

    def _layer(self, target: str) -> str:
        innermost = self._layers[-1] if self._layers else ""
        return innermost + target.removeprefix("aten.") if innermost[-1:] in ("", ".") else innermost

    def _run(
        self,
        func: Any,
        target: str,
        in_place: bool,
        given: Mapping[str, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        shapes = output_shapes(target, given)
        if shapes is None:
            return func(*args, **kwargs)
        if in_place:
            return args[0]
        made = [torch.empty(shape, device="meta") for shape in shapes]
        return made[0] if len(made) == 1 else tuple(made)

    def _with_refs(self, given: Any, where: str) -> Any:
        if isinstance(given, Tensor):
            if given.dim() == 0 and given.device.type == "cpu":
                return given.item()  # a Python number on its way through torch
            if id(given) not in self._value_of_id:
                self.constants.append(self.value_of(given))
            self.forbid_stale(given, where)
            return Ref(self.value_of(given))
        if isinstance(given, list | tuple):
            return tuple(self._with_refs(item, where) for item in given)
        return given

    def forbid_stale(self, tensor: Tensor, where: str) -> None:
        """Refuses a view made before an in-place operation wrote to its storage: it holds something else by now."""
        if self.value_of(tensor) < self._written.get(_storage(tensor), -1):
            raise ModelError(
                f"a view is read at {where} after an in-place operation changed the tensor behind it",
                hint="write the operation without its trailing underscore (or inplace=False)",
            )


def _by_name(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Every argument of the operator's schema, defaults filled in."""
    return {
        argument.name: args[index] if index < len(args) else kwargs.get(argument.name, argument.default_value)
        for index, argument in enumerate(func._schema.arguments)
    }


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(result: Any) -> Iterable[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, Mapping):
        for item in result.values():
            yield from _tensors(item)
    elif isinstance(result, list | tuple):
        for item in result:
            yield from _tensors(item)
    elif result is not None:
        raise ModelError(
            f"forward() returns a {type(result).__name__}", hint="return tensors, or tuples or dicts of them"
        )


def _user_line(frame: FrameType | None) -> str:
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_LIBRARY):
            return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


def _failed_at(error: Exception) -> str:
    lines = [
        f"{Path(entry.filename).name}:{entry.lineno}"
        for entry in traceback.extract_tb(error.__traceback__)
        if not entry.filename.startswith(_LIBRARY)
    ]
    return lines[-1] if lines else "an unknown line"


def _shapes_text(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join("x".join(str(size) for size in shape) for shape in shapes)
