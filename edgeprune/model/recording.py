"""A recorded forward pass: ATen calls in order over numbered values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from edgeprune.model.answers import Answer


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
        function: the ATen overload, which computes the outputs from the arguments.
    """

    target: str
    args: Mapping[str, Any]
    outputs: tuple[int, ...]
    layer: str
    where: str
    function: Callable[..., Any]

    @property
    def read(self) -> list[int]:
        """The values among its arguments."""
        return [value for argument in self.args.values() for value in _values(argument)]

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
        answer: what forward() returned, tensors without data (`answers.py`).
        input_names: what forward() calls its inputs.
        narrow: the user's line where values become 16 bits wide; None without one.
        idle: other calls that have weights of their own a part in: layers that evaluation mode has no use for.
    """

    skeleton: nn.Module
    calls: tuple[Call, ...]
    shapes: tuple[tuple[int, ...], ...]
    parameters: Mapping[int, str]
    constants: Mapping[int, Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    answer: Answer
    input_names: tuple[str, ...]
    idle: tuple[Call, ...]
    narrow: str | None


def _values(argument: object) -> Iterable[int]:
    if isinstance(argument, Ref):
        yield argument.value
    elif isinstance(argument, tuple):
        for item in argument:
            yield from _values(item)
