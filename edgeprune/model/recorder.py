"""ATen calls noted one by one as torch dispatches them: of tensors there are numbers and shapes, no values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.model.answers import parts_of
from edgeprune.model.composed import COMPOSED
from edgeprune.model.composed.movement import with_places
from edgeprune.model.composed.table import Composition
from edgeprune.model.following.known import Known
from edgeprune.model.following.views import Views
from edgeprune.model.recording import Call, Ref
from edgeprune.model.shapes import output_shapes
from edgeprune.model.user_line import quoted, user_line
from edgeprune.model.ways_out import reads_values

_VALUE_READS = {"aten._local_scalar_dense", "aten.item", "aten.equal", "aten.nonzero", "aten.masked_select"}
_RANDOM = {"aten.bernoulli", "aten.rand", "aten.randn", "aten.rand_like", "aten.randn_like", "aten.native_dropout"}
_WHOLE = {f"aten.{name}" for name in ("clamp", "clamp_min", "clamp_max", "minimum", "maximum", "cat", "stack",
                                    "index_select", "where", "add", "sub", "mul")}  # fmt: skip


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each call under autograd's level, where composite functions are already decomposed.

    Args:
        module: the user's, whose values are known.
        caller: code that calls it: lines are the user's above that frame.
    """

    def __init__(self, module: nn.Module, caller: CodeType) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._known = Known(module)
        self._caller = caller
        self.calls: list[Call] = []
        self.narrow: str | None = None
        self.shapes: list[tuple[int, ...]] = []
        self.parameters: dict[int, str] = {}
        self.constants: dict[int, Tensor] = {}
        self._value_of_id: dict[int, int] = {}
        self._alive: list[Tensor] = []  # ids stay unique only while their tensors live
        self._layers: list[str] = []
        self._views = Views(self._rebind)

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

    def literal(self, tensor: Tensor) -> Tensor:
        """Numbers the code holds, as a tensor without values that stands for them."""
        stand_in = torch.empty_like(tensor, device="meta")
        self.constants[self._bind(stand_in)] = tensor
        return stand_in

    def is_zero(self, tensor: Tensor) -> bool:
        return self._known.is_zero(self.value_of(tensor), self.calls, self.parameters, self.constants)

    def note(self, frame: FrameType | None) -> None:
        """Keeps the first line where values become 16 bits wide."""
        self.narrow = self.narrow or self._place(frame)

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
        where = self._place(sys._getframe(1))
        for tensor in _tensors((args, kwargs)):
            self.forbid_stale(tensor, where)
        if target in _VALUE_READS:
            return self._read(func, args, kwargs or {}, where)
        if target in ("aten.index", "aten.index_put") and any(map(_is_mask, args[1])):
            if target == "aten.index_put" and _sets_one_value(*args):
                with self:
                    result = torch.where(args[1][0], args[2].to(args[0].dtype), args[0])
                return self._written_to(args[0], result) if in_place else result
            places = [part for index in args[1] for part in self._places(index, where)]
            with self:
                return func(args[0], places, *args[2:], **(kwargs or {}))
        if target == "aten.index_put":
            accumulates = bool(args[3:] and args[3])
            if (known := self._places_along(args[0], args[1], accumulates)) is not None:
                with self:
                    result = with_places(args[0], *known, args[2], accumulates)
                return self._written_to(args[0], result) if in_place else result
        if target in _RANDOM:
            raise ModelError(
                f"forward() draws random numbers at {where}, even in eval mode{quoted(where)}",
                hint="draw them under `if self.training:`; of F.dropout, training=self.training",
            )
        if target in ("aten.index", "aten.index_select"):
            args = (args[0], *(self._as_literals(argument) for argument in args[1:]))
        if target == "prim.device":
            return func(*args, **(kwargs or {}))
        given = _by_name(func, args, kwargs or {})
        if target == "aten.pow" and isinstance(given["self"], Tensor) and isinstance(given["exponent"], Tensor):
            given["exponent"] = self._number(given["exponent"])
        composition = COMPOSED.get(f"{target}.{func._overloadname}", COMPOSED.get(target))
        result = NotImplemented
        with self:
            if composition is not None:
                result = _composed(composition, given, where)
            elif _is_composite(func):
                result = func.decompose(*args, **(kwargs or {}))
        if result is not NotImplemented:
            return self._written_to(args[0], result) if in_place else result
        bound = {name: self._with_refs(argument, where) for name, argument in given.items()}
        result = self._run(func, target, in_place, given, args, kwargs or {})
        outputs = tuple(self._bind(tensor) for tensor in parts_of(result))
        self.calls.append(Call(target, bound, outputs, self._layer(target), where, func))
        if in_place:
            with self:
                self._views.wrote(result)
        else:
            self._views.made(target, given, lambda: func(*args, **(kwargs or {})), result)
        return result

    def _read(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], where: str) -> Any:
        """The result of an operator that reads values, where no input has a part in them."""
        given = [self._value(argument, where) if isinstance(argument, Tensor) else argument for argument in args]
        result = func(*given, **kwargs)
        return self.literal(result) if isinstance(result, Tensor) else result

    def _as_literals(self, given: Any) -> Any:
        """Indices that buffers and the code decide as the numbers they are."""
        if isinstance(given, list | tuple):
            return [self._as_literals(part) for part in given]
        if not isinstance(given, Tensor) or given.is_floating_point():
            return given
        held = self._known.of(self.value_of(given), self.calls, self.parameters, self.constants)
        return given if held is None else self.literal(held)

    def _number(self, tensor: Tensor) -> Any:
        """A parameter or buffer of one element as the number it holds; others as they are."""
        if tensor.numel() != 1:
            return tensor
        held = self._known.of(self.value_of(tensor), self.calls, self.parameters, self.constants)
        return tensor if held is None else float(held)

    def _places(self, index: Tensor | None, where: str) -> Sequence[Tensor | None]:
        """An index as whole numbers; of a mask one for each of its axes."""
        if index is None or not _is_mask(index):
            return [index]
        return [self.literal(axis) for axis in self._value(index, where).nonzero().unbind(1)]

    def _places_along(
        self, tensor: Tensor, indices: Sequence[Tensor | None], accumulates: bool
    ) -> tuple[int, list[int]] | None:
        """The axis and the places of an index along one axis; None of any other, where an input decides it, and where
        several values are added up at one place."""
        given = [(dim, one) for dim, one in enumerate(indices) if one is not None]
        if len(given) != 1 or given[0][1].dim() != 1:
            return None
        ((dim, index),) = given
        held = self._known.of(self.value_of(index), self.calls, self.parameters, self.constants)
        if held is None:
            return None
        places = [int(place) for place in held]
        are_apart = len({place % tensor.shape[dim] for place in places}) == len(places)
        return (dim, places) if are_apart or not accumulates else None

    def _value(self, tensor: Tensor, where: str) -> Tensor:
        held = self._known.of(self.value_of(tensor), self.calls, self.parameters, self.constants)
        if held is None:
            raise reads_values(where, tensor.dtype is torch.bool and tensor.dim() > 0)
        return held

    def _written_to(self, tensor: Tensor, result: Any) -> Tensor:
        """The tensor, which holds the result from now on."""
        self._rebind(tensor, result)
        with self:
            self._views.wrote(tensor)
        return tensor

    def _rebind(self, tensor: Tensor, result: Tensor) -> None:
        self._value_of_id[id(tensor)] = self.value_of(result)

    def _place(self, frame: FrameType | None) -> str:
        """The user's line; where forward() is torch's own, as of a Sequential, the layer that is called."""
        innermost = self._layers[-1].rstrip(".") if self._layers else ""
        return user_line(frame, self._caller) or (f"layer {innermost}" if innermost else "an unknown line")

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
        dtype = torch.int64 if target in _WHOLE and _are_whole(given) else torch.float32
        made = [torch.empty(shape, device="meta", dtype=dtype) for shape in shapes]
        return made[0] if len(made) == 1 else tuple(made)

    def _with_refs(self, given: Any, where: str) -> Any:
        if isinstance(given, Tensor):
            if given.dim() == 0 and given.device.type == "cpu":
                return given.item()  # a Python number on its way through torch
            if id(given) not in self._value_of_id:
                self.constants[self.value_of(given)] = given
            return Ref(self.value_of(given))
        if isinstance(given, list | tuple):
            return tuple(self._with_refs(item, where) for item in given)
        return given

    def forbid_stale(self, tensor: Tensor, where: str) -> None:
        """Takes a view anew where something was written to what it is of; refuses what cannot be."""
        with self:
            is_fresh = self._views.is_fresh(tensor)
        if not is_fresh:
            raise ModelError(
                f"a view is read at {where} after an in-place operation changed the tensor behind it{quoted(where)}",
                hint="write the operation without its trailing underscore (or inplace=False); put what was written "
                "through the view together with torch.cat or torch.where",
            )


def _sets_one_value(tensor: Tensor, indices: Sequence[Tensor | None], value: Tensor, accumulate: bool = False) -> bool:
    """Whether `tensor[mask] = value` chooses element by element."""
    return (
        len(indices) == 1
        and indices[0] is not None
        and indices[0].shape == tensor.shape
        and (value.numel() == 1 and not accumulate)
    )


def _are_whole(given: Mapping[str, Any]) -> bool:
    """Whether all its tensors are whole numbers: indices stay indices."""
    found = [part for one in given.values() for part in (one if isinstance(one, list | tuple) else (one,))]
    tensors = [part for part in found if isinstance(part, Tensor) and part.dtype is not torch.bool]
    is_real = any(part.is_floating_point() for part in tensors) or any(isinstance(part, float) for part in found)
    return bool(tensors) and not is_real


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype is torch.bool


def _composed(composition: Composition, given: Mapping[str, Any], where: str) -> Any:
    try:
        return composition(given)
    except UnsupportedOp as refusal:
        raise UnsupportedOp(f"{refusal.message}, at {where}", refusal.hint) from refusal


def _is_composite(func: Any) -> bool:
    """Whether torch itself writes the operator as others: below autograd, where compositions run, it no longer does."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"))


def _by_name(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Every argument of the operator's schema, defaults filled in."""
    return {
        argument.name: args[index] if index < len(args) else kwargs.get(argument.name, argument.default_value)
        for index, argument in enumerate(func._schema.arguments)
    }


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, list | tuple):
        for item in given:
            yield from _tensors(item)
    elif isinstance(given, dict):
        yield from _tensors(tuple(given.values()))
