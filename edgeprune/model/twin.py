"""A copy of a module over other tensors: same structure and code, none of the weights copied."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from types import CellType, FunctionType
from typing import Any, TypeGuard

from torch import Tensor, nn

from edgeprune.errors import ModelError


def twin(module: nn.Module, replaced: Callable[[Tensor], Tensor], requires_grad: bool | None = None) -> nn.Module:
    """A copy in eval mode whose parameters and buffers are `replaced(original)`; tied ones stay tied.

    Args:
        module: not changed.
        replaced: what stands in a tensor's place, of the same shape.
        requires_grad: for all parameters; None keeps each one's own.

    Raises:
        ModelError: the module cannot be copied.
    """
    memo: dict[int, Any] = {}
    for tensor in [*module.parameters(), *module.buffers()]:
        stand_in = replaced(tensor.detach())
        if isinstance(tensor, nn.Parameter):
            stand_in = nn.Parameter(stand_in, tensor.requires_grad if requires_grad is None else requires_grad)
        memo[id(tensor)] = stand_in
    for tensor in _computed(module):
        memo[id(tensor)] = replaced(tensor.detach())
    return _copy(module, memo).eval()


def copied(module: nn.Module) -> nn.Module:
    """A copy with weights of its own, in the same mode.

    Raises:
        ModelError: the module cannot be copied.
    """
    return _copy(module, {id(tensor): tensor.detach() for tensor in _computed(module)})


def _copy(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    try:
        result = copy.deepcopy(module, memo)
    except Exception as error:  # whatever the user's own __deepcopy__ or attributes raise
        raise ModelError(f"the module cannot be copied: {error}", "keep open files and handles out of it") from error
    for child in result.modules():
        for held in (child._forward_hooks, child._forward_pre_hooks, vars(child)):
            kept: dict[Any, Any] = held
            kept.update({key: _bound_to_copies(value, memo) for key, value in kept.items() if _is_closure(value)})
    return result


def _is_closure(value: Any) -> TypeGuard[FunctionType]:
    return isinstance(value, FunctionType) and bool(value.__closure__)


def _bound_to_copies(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    """A hook or lambda of the module that holds what is now copied, as `self`, with the copies.

    deepcopy leaves functions as they are.
    """
    cells = [memo.get(id(cell.cell_contents), cell.cell_contents) for cell in function.__closure__ or ()]
    bound = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, tuple(map(CellType, cells))
    )
    bound.__kwdefaults__, bound.__dict__ = function.__kwdefaults__, dict(function.__dict__)
    return bound


def _computed(module: nn.Module) -> list[Tensor]:
    """What an earlier forward pass computed from parameters and left in attributes, as hooks do; torch does not copy
    it."""
    found, seen = list[Tensor](), set[int]()
    waiting = [value for child in module.modules() for value in vars(child).values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            found += [] if value.is_leaf else [value]
        elif isinstance(value, Mapping | list | tuple | set | deque) and id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, Mapping) else value
    return found
