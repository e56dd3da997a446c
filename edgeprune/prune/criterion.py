"""Which channels of each group matter: `rank_channels(...)`, the most important first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from edgeprune.errors import UsageError
from edgeprune.prune.groups import ChannelGroup, ChannelGroups


def _l2(module: nn.Module, group: ChannelGroup) -> Tensor:
    """(units,) Euclidean norm over all coupled weights of two and more axes, after Li et al. 2017, arXiv:1608.08710."""
    state = module.state_dict()
    scores = torch.zeros(group.size)
    for part in group.slices:
        weight = state[part.parameter].float()
        if weight.ndim < 2:
            continue
        per_position = weight.movedim(part.axis, 0).flatten(1).square().sum(1)
        scores += per_position[torch.as_tensor(part.indices)].sum(1)
    return scores.sqrt()


_CRITERIA: dict[str, Callable[[nn.Module, ChannelGroup], Tensor]] = {"l2": _l2}


def rank_channels(
    module: nn.Module,
    groups: ChannelGroups,
    criterion: str,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, list[int]]:
    """Per group its units, the most important first.

    Args:
        inputs, targets, loss: for criteria that look at data: (N, ...) as the network sees them, never of validation
            or test, and the task's loss of (outputs, targets).

    Raises:
        UsageError: no such criterion.
    """
    if criterion not in _CRITERIA:
        raise UsageError(f"no criterion '{criterion}'", hint=f"there are {', '.join(_CRITERIA)}")
    return {
        group.name: _CRITERIA[criterion](module, group).argsort(descending=True).tolist() for group in groups.groups
    }
