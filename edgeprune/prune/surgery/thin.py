"""Removing channels: for real (`thin`), or by zeroing everything that would be removed (`zeroed`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.parameter_owners import Owners, parameter_owners, put
from edgeprune.model.twin import copied
from edgeprune.prune.surgery.fold_into_bias import add_biases, fold_constants
from edgeprune.prune.surgery.keep import Kept, kept
from edgeprune.prune.surgery.layer_sizes import refresh, set_sizes

if TYPE_CHECKING:
    from edgeprune.prune.coupling.channels import AxisMap, ChannelGroups

Axes = Mapping[tuple[str, int], "AxisMap"]


def thin(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy of the module without the channels that are not kept, their constant outputs folded into biases.

    Args:
        module: the module the groups were found in; not changed.
        groups: its channel groups.
        keep: group -> units that stay, at least one, in any order; a group not named keeps all.

    Returns:
        The same classes with fewer channels. A convolution or linear layer without bias that loses inputs gets one.

    Raises:
        UsageError: an unknown group, no unit kept, or a unit outside the group.
        ModelError: the module lacks parameters of the groups.
    """
    result, axes, staying = _with_folded_constants(module, groups, keep)
    return _cut(result, axes, staying, groups)


def zeroed(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """The twin of `thin` at full width: the same output, every parameter of a removed channel zero.

    Arguments and errors as in `thin`. Running variances of removed channels become one.
    """
    result, axes, staying = _with_folded_constants(module, groups, keep)
    owners = parameter_owners(result)
    with torch.no_grad():
        for (name, axis), axis_map in axes.items():
            gone = torch.from_numpy(np.flatnonzero(~staying.along(axis_map)))
            tensor = getattr(*owners[name][0])
            tensor.index_fill_(axis, gone.to(tensor.device), 1.0 if name.endswith("running_var") else 0.0)
    return result


def apply_widths(module: nn.Module, groups: ChannelGroups, widths: Mapping[str, int]) -> nn.Module:
    """The architecture `thin` makes at these widths, for a state dict to be loaded into; its own values are
    meaningless.

    Raises:
        UsageError: an unknown group, or a width outside 1 to the group's size.
    """
    result = copied(module)
    staying = kept(groups, {name: range(width) for name, width in widths.items()})
    return _cut(result, {**groups.axes, **add_biases(result, groups, staying)}, staying, groups)


def widths_of(
    state: Mapping[str, Tensor], groups: ChannelGroups, noted: Mapping[str, int] = MappingProxyType({})
) -> dict[str, int]:
    """How many units of each group a thinned module has, read off its parameters' shapes.

    Args:
        state: of what `thin` made, once or several times, of the module the groups were found in.
        noted: widths of groups that have no axis for themselves.

    Raises:
        ModelError: the shapes are not those of such a module.
    """
    widths: dict[str, int] = {}
    for (name, axis), axis_map in groups.axes.items():
        numbers, counts = np.unique(axis_map.group, return_counts=True)
        present = {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}
        fixed = present.pop(-1, 0)
        if len(present) != 1 or name not in state:
            continue
        ((number, count),) = present.items()
        group, shape = groups.groups[number], tuple(state[name].shape)
        width, rest = divmod(shape[axis] - fixed, count // group.size) if axis < len(shape) else (0, 0)
        if rest or not 1 <= width <= group.size or widths.setdefault(group.name, width) != width:
            raise ModelError(f"{name} of shape {shape} is not a thinned form of the original")
    widths = {group.name: noted[group.name] for group in groups.groups if group.name in noted} | widths
    missing = [group.name for group in groups.groups if group.name not in widths]
    if missing:
        raise ModelError(f"the width of {missing[0]} cannot be read off the module")
    return widths


def cut(module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]) -> nn.Module:
    """A copy with sliced parameters; the constants of removed channels are lost. For shapes without data."""
    return _cut(copied(module), groups.axes, kept(groups, keep), groups)


def _with_folded_constants(
    module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]]
) -> tuple[nn.Module, Axes, Kept]:
    result, staying = copied(module), kept(groups, keep)
    known = parameter_owners(result)
    for name, _ in groups.axes:
        if name not in known:
            raise ModelError(f"the module has no parameter '{name}'", "trace this very module before thinning it")
    added = add_biases(result, groups, staying)
    fold_constants(result, groups, staying)
    return result, {**groups.axes, **added}, staying


def _cut(module: nn.Module, axes: Axes, staying: Kept, groups: ChannelGroups) -> nn.Module:
    owners = parameter_owners(module)
    for (name, axis), axis_map in axes.items():
        stays = staying.along(axis_map)
        if not stays.all():
            _select(owners[name], axis, torch.from_numpy(np.flatnonzero(stays)))
    for child in module.modules():
        refresh(child)
    set_sizes(module, groups.sizes, staying.widths)
    return module


def _select(owners: Owners, axis: int, indices: Tensor) -> None:
    old: Tensor = getattr(*owners[0])
    put(owners, old.detach().index_select(axis, indices.to(old.device)))
