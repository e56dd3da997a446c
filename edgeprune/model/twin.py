"""A copy of a module over other tensors: same structure and code, none of the weights copied."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

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
    try:
        return copy.deepcopy(module, memo).eval()
    except Exception as error:  # whatever the user's own __deepcopy__ or attributes raise
        raise ModelError(f"the module cannot be copied: {error}", "keep open files and handles out of it") from error


def _computed(module: nn.Module) -> list[Tensor]:
    """Attributes that an earlier forward pass computed from parameters, which torch does not copy."""
    held = [value for child in module.modules() for value in vars(child).values()]
    return [value for value in held if isinstance(value, Tensor) and not value.is_leaf]
