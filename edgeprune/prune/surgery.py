"""Removing channels for real: parameters sliced, module attributes brought in line."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError, UsageError

if TYPE_CHECKING:
    from edgeprune.prune.groups import ChannelGroups


def thin(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of the module without the channels that are not kept.

    Args:
        module: the module the groups were found in; not changed.
        groups: its channel groups.
        keep: group -> units that stay, at least one; a group not named keeps all.

    Raises:
        UsageError: an unknown group, no unit kept, or a unit outside the group.
        ModelError: the module has not the parameters the groups speak of.
    """
    return cut(module, groups, keep)


def apply_widths(module: nn.Module, groups: ChannelGroups, widths: Mapping[str, int]) -> nn.Module:
    """The architecture at these widths, for a state dict to be loaded into; which units stay does not matter."""
    return cut(module, groups, {name: range(width) for name, width in widths.items()})


def cut(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """Slices a copy of the module; constants of removed channels are lost."""
    masks = kept_units(groups, keep)
    result = copy.deepcopy(module)
    homes = _homes(result)
    for name in dict.fromkeys(name for name, _ in groups.axes):
        if name not in homes:
            raise ModelError(f"the module has no parameter '{name}'", hint="trace this very module before thinning it")
    with torch.no_grad():
        for (name, axis), owner in groups.axes.items():
            stays = np.ones(owner.group.size, bool)
            for number, mask in enumerate(masks):
                mine = owner.group == number
                stays[mine] = mask[owner.unit[mine]]
            if not stays.all():
                _select(homes[name], axis, torch.from_numpy(np.flatnonzero(stays)))
    for child in result.modules():
        _refresh(child)
    return result


def kept_units(groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> list[np.ndarray]:
    """For each group, in order, which of its units stay (bool).

    Raises:
        UsageError: an unknown group, no unit kept, or a unit outside the group.
    """
    unknown = [name for name in keep if name not in groups.by_name]
    if unknown:
        raise UsageError(f"no channel group is called '{unknown[0]}'", hint="edgeprune inspect lists them")
    masks: list[np.ndarray] = []
    for group in groups.groups:
        units = np.asarray(keep.get(group.name, range(group.size)), int)
        if units.size == 0 or units.min() < 0 or units.max() >= group.size:
            raise UsageError(
                f"{group.name} has units 0 to {group.size - 1}; asked to keep {sorted(units.tolist())[:8]}",
                hint="keep at least one channel of every group",
            )
        mask = np.zeros(group.size, bool)
        mask[units] = True
        masks.append(mask)
    return masks


Home = list[tuple[nn.Module, str]]


def _homes(module: nn.Module) -> dict[str, Home]:
    """Parameter or buffer name -> every place it is registered at (a tied one at several)."""
    places: dict[int, Home] = {}
    for child in module.modules():
        for store in (child._parameters, child._buffers):
            for leaf, tensor in store.items():
                if tensor is not None:
                    places.setdefault(id(tensor), []).append((child, leaf))
    return {name: places[id(t)] for name, t in [*module.named_parameters(), *module.named_buffers()]}


def _select(home: Home, axis: int, indices: Tensor) -> None:
    old = getattr(*home[0])
    new = old.detach().index_select(axis, indices.to(old.device)).contiguous()
    if isinstance(old, nn.Parameter):
        new = nn.Parameter(new, old.requires_grad)
    for owner, leaf in home:
        store = owner._parameters if isinstance(old, nn.Parameter) else owner._buffers
        store[leaf] = new


def _refresh(module: nn.Module) -> None:
    """Attributes that repeat a parameter's shape."""
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        module.in_channels = module.weight.shape[0]
        module.out_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, nn.modules.conv._ConvNd):
        if 1 < module.groups == module.in_channels:
            module.groups = module.groups * module.weight.shape[0] // module.out_channels
        module.out_channels = module.weight.shape[0]
        module.in_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.modules.batchnorm._BatchNorm):
        known = module.weight if module.weight is not None else module.running_mean
        if known is not None:
            module.num_features = known.shape[0]
    elif isinstance(module, nn.PReLU):
        module.num_parameters = module.weight.shape[0]
