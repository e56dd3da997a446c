"""Functions of torch written anew in simpler ones: what torch itself computes with buffers and in place.

Each takes the arguments of the function it stands for and gives the same results; NotImplemented leaves it to torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from edgeprune.model.composed.recurrent import CELLS, LAYERS, marked_zeros


def _pad(image: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Circular: each axis with its end before it and its beginning behind it; `pad` begins with the last axis."""
    if mode != "circular":
        return NotImplemented
    for k in range(len(pad) // 2):
        axis, (before, after) = image.dim() - 1 - k, pad[2 * k : 2 * k + 2]
        size = image.shape[axis]
        if max(before, after) > size or min(before, after) < 0:
            raise ValueError(f"circular padding {before}, {after} around {size} elements")
        parts = [image.narrow(axis, size - before, before), image, image.narrow(axis, 0, after)]
        image = torch.cat([part for part in parts if part.shape[axis]], axis)
    return image


def _instance_norm(
    image: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """A group norm whose groups are channels, or a batch norm where statistics were tracked."""
    if use_input_stats:
        return torch.group_norm(image, image.shape[1], weight, bias, eps)
    return functional.batch_norm(image, running_mean, running_var, weight, bias, False, momentum, eps)


def _squeeze(x: Tensor, *dims: Any, **named: Any) -> Any:
    """Without axes named: all of length 1 but the batch, which has that length only while it is recorded."""
    if dims or named or x.dim() < 2 or x.shape[0] != 1:
        return NotImplemented
    return x.squeeze(tuple(range(1, x.dim())))


def _of_zeros(x: Tensor, zeros: Tensor) -> Tensor:
    """A product with zeros: what an unrolled recurrence begins with need not be computed."""
    shape = torch.broadcast_shapes(x.shape, zeros.shape)  # type: ignore[no-untyped-call]
    return torch.zeros(shape, dtype=torch.result_type(x, zeros), device=x.device)


_PRODUCTS = {torch.mul, torch.multiply, Tensor.mul, Tensor.multiply, Tensor.__mul__, Tensor.__rmul__}
_HALVES = {Tensor.half, Tensor.bfloat16}
_RECURRENT: Mapping[Any, Callable[..., Any]] = {
    getattr(torch, name): layer for name, layer in {**LAYERS, **CELLS}.items()
}
REWRITTEN: Mapping[Any, Callable[..., Any]] = {
    functional.pad: _pad,
    torch.squeeze: _squeeze,
    Tensor.squeeze: _squeeze,
    functional.instance_norm: _instance_norm,
    **_RECURRENT,
}
"""A function of torch -> what is called in its place."""


class Rewriting(TorchFunctionMode):
    """Calls what is rewritten in the place of torch's functions, and keeps the numbers that the code holds.

    Args:
        literal: numbers -> a tensor without values that stands for them.
        narrow: called with the frame of what runs in 16 bits.
        is_zero: whether a tensor is zeros, whatever goes in and is trained.
    """

    def __init__(
        self,
        literal: Callable[[Tensor], Tensor],
        narrow: Callable[[FrameType], None],
        is_zero: Callable[[Tensor], bool],
    ):
        super().__init__()
        self._literal = literal
        self._narrow = narrow
        self._is_zero = is_zero

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if any(map(torch.is_autocast_enabled, ("cpu", "cuda"))) or func in _HALVES:
            self._narrow(sys._getframe(1))
        if func in (torch.tensor, torch.as_tensor) and not (args and isinstance(args[0], Tensor)):
            return self._literal(func(*args, **{**given, "device": "cpu"}))
        if func in (Tensor.__getitem__, Tensor.__setitem__) and len(args) > 1:
            args = (args[0], self._with_literals(args[1]), *args[2:])
        rewritten = REWRITTEN.get(func)
        if func in _RECURRENT:
            states = args[1] if isinstance(args[1], list | tuple) else args[1:2]
            for state in states:
                if isinstance(state, Tensor) and self._is_zero(state):
                    marked_zeros(state)
        factors = [factor for factor in args if isinstance(factor, Tensor)] if func in _PRODUCTS else []
        if len(factors) == 2 and any(map(self._is_zero, factors)):
            return _of_zeros(*factors)
        result = NotImplemented if rewritten is None else rewritten(*args, **given)
        return func(*args, **given) if result is NotImplemented else result

    def _with_literals(self, index: Any) -> Any:
        """An index with its lists as tensors."""
        if isinstance(index, tuple):
            return tuple(self._with_literals(part) for part in index)
        if isinstance(index, list) and index and all(isinstance(place, int) for place in index):
            return self._literal(torch.tensor(index, device="cpu"))
        return index
