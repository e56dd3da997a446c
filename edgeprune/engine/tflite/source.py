"""One operator of a `.tflite` file, before it becomes one of the graph's."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Tensor


@dataclass(frozen=True)
class Source:
    """One operator as the file states it.

    Attributes:
        kind, name: of the operator and its layer.
        where: kind, layer and position, for messages.
        options: the generated options object, None where the file has none.
        inputs: input tensors in the file's order, None where absent.
        outputs: output tensors.
        intermediates: indices of tensors that only carry quantization (LSTM).
        custom_options: bytes of a custom operator's settings.
    """

    kind: str
    name: str
    where: str
    options: Any
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    intermediates: tuple[int, ...] = ()
    custom_options: bytes = b""

    def input(self, index: int) -> Tensor:
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise ModelError(f"{self.where}: input {index} is missing")
        return tensor

    def ints(self, index: int) -> tuple[int, ...]:
        """Values of constant integer input `index`."""
        tensor = self.input(index)
        if tensor.data is None:
            raise UnsupportedOp(
                f"{self.where}: its setting {tensor.name!r} is computed while the model runs",
                "export the model with fixed shapes",
            )
        if tensor.data.dtype.kind not in "iu":
            raise ModelError(f"{self.where}: {tensor.name!r} must hold integers, it holds {tensor.dtype}")
        if tensor.data.size > 64:
            raise ModelError(f"{self.where}: {tensor.name!r} has {tensor.data.size} values, more than any axis count")
        return tuple(int(value) for value in tensor.data.ravel())

    def axis(self, value: int, rank: int) -> int:
        """A possibly negative axis as 0 <= axis < rank."""
        if not -rank <= value < rank:
            raise ModelError(f"{self.where}: axis {value} does not exist in a tensor of {rank} axes")
        return value % rank

    def real(self, value: float) -> float:
        """A setting that is a number."""
        if not isfinite(value):
            raise ModelError(f"{self.where}: one of its settings is {value}")
        return float(value)

    def rank(self, index: int = 0) -> int:
        return len(self.input(index).shape)
