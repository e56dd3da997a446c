"""Removing channels: for real (`thin`), or by zeroing everything that would be removed (`mask`)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.prune.constants import add_biases, settle
from edgeprune.prune.homes import Home, homes_of, put
from edgeprune.prune.keep import Kept, kept

if TYPE_CHECKING:
    from edgeprune.prune.channels import AxisMap, ChannelGroups

Axes = Mapping[tuple[str, int], "AxisMap"]


def thin(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of the module without the channels that are not kept, their constants moved on (`constants.settle`).

    Args:
        module: the module the groups were found in; not changed.
        groups: its channel groups.
        keep: group -> units that stay, at least one, in any order; a group not named keeps all.

    Returns:
        The same classes with fewer channels. A convolution or linear layer without bias that loses inputs gets one.

    Raises:
        UsageError: an unknown group, no unit kept, or a unit outside the group.
        ModelError: the module has not the parameters the groups speak of.
    """
    result, axes, staying = _settled(module, groups, keep)
    return _cut(result, axes, staying)


def mask(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """The twin of `thin` at full width: the same output, every parameter of a removed channel zero.

    Arguments and errors as in `thin`. Running variances of removed channels become one.
    """
    result, axes, staying = _settled(module, groups, keep)
    homes = homes_of(result)
    with torch.no_grad():
        for (name, axis), owners in axes.items():
            gone = torch.from_numpy(np.flatnonzero(~staying.along(owners)))
            tensor = getattr(*homes[name][0])
            tensor.index_fill_(axis, gone.to(tensor.device), 1.0 if name.endswith("running_var") else 0.0)
    return result


def apply_widths(module: nn.Module, groups: ChannelGroups, widths: Mapping[str, int]) -> nn.Module:
    """The architecture `thin` makes at these widths, for a state dict to be loaded into; its values mean nothing.

    Raises:
        UsageError: an unknown group, or a width outside 1 to the group's size.
    """
    result = copy.deepcopy(module)
    staying = kept(groups, {name: range(width) for name, width in widths.items()})
    return _cut(result, {**groups.axes, **add_biases(result, groups, staying)}, staying)


def widths_of(module: nn.Module, groups: ChannelGroups) -> dict[str, int]:
    """How many units of each group a thinned module has, read off its parameters' shapes.

    Args:
        module: what `thin` made, once or several times, of the module the groups were found in.

    Raises:
        ModelError: the shapes are not those of such a module.
    """
    shapes = {name: tensor.shape for name, tensor in [*module.named_parameters(), *module.named_buffers()]}
    found: dict[str, int] = {}
    for (name, axis), owners in groups.axes.items():
        numbers, counts = np.unique(owners.group, return_counts=True)
        present = {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}
        fixed = present.pop(-1, 0)
        if len(present) != 1 or name not in shapes:
            continue
        ((number, count),) = present.items()
        group = groups.groups[number]
        width, rest = divmod(shapes[name][axis] - fixed, count // group.size)
        if rest or not 1 <= width <= group.size or found.setdefault(group.name, width) != width:
            raise ModelError(f"{name} of shape {tuple(shapes[name])} is no thinned form of the original")
    missing = [group.name for group in groups.groups if group.name not in found]
    if missing:
        raise ModelError(f"the width of {missing[0]} cannot be read off the module")
    return found


def cut(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy with sliced parameters; the constants of removed channels are lost. For shapes without data."""
    return _cut(copy.deepcopy(module), groups.axes, kept(groups, keep))


def _settled(
    module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]
) -> tuple[nn.Module, Axes, Kept]:
    result, staying = copy.deepcopy(module), kept(groups, keep)
    known = homes_of(result)
    for name, _ in groups.axes:
        if name not in known:
            raise ModelError(f"the module has no parameter '{name}'", "trace this very module before thinning it")
    added = add_biases(result, groups, staying)
    settle(result, groups, staying)
    return result, {**groups.axes, **added}, staying


def _cut(module: nn.Module, axes: Axes, staying: Kept) -> nn.Module:
    homes = homes_of(module)
    for (name, axis), owners in axes.items():
        stays = staying.along(owners)
        if not stays.all():
            _select(homes[name], axis, torch.from_numpy(np.flatnonzero(stays)))
    for child in module.modules():
        _refresh(child)
    return module


def _select(home: Home, axis: int, indices: Tensor) -> None:
    old: Tensor = getattr(*home[0])
    put(home, old.detach().index_select(axis, indices.to(old.device)))


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
