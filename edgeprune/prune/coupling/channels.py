"""Channel groups: what must shrink together, and every axis as a sum over groups. `groups.py` finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeprune.model.trace import TracedModel

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Extent:
    """The length of an axis: `constant + sum(multiplier * width of group)`."""

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    def at(self, widths: Mapping[str, int]) -> int:
        return self.constant + sum(multiplier * widths[group] for group, multiplier in self.terms)


OwnSizes = Mapping[tuple[str, str], Extent]
"""(path of a module, name of its attribute) -> the size it holds."""


class Role(StrEnum):
    """How a slice of a parameter relates to the channels it lies along."""

    MAKES = "makes"  # filters or rows of weights that output the channels
    READS = "reads"  # the weights of later layers that read the channels
    BIAS = "bias"
    NORM_SCALE = "norm scale"  # a batch norm's weight
    NORM_SHIFT = "norm shift"  # a batch norm's bias
    STATISTIC = "statistic"  # running mean or variance
    OTHER = "other"  # arithmetic with a parameter


@dataclass(frozen=True, eq=False)
class Slice:
    """Where a group's units lie along one axis of a parameter or buffer.

    Attributes:
        parameter: its name.
        axis: the axis.
        indices: (units, positions per unit); removing unit u removes positions `indices[u]`.
        role: how it relates to the channels.
    """

    parameter: str
    axis: int
    indices: Ints
    role: Role


@dataclass(frozen=True, eq=False)
class ChannelGroup:
    """Units that can be removed one by one, each with all its coupled slices.

    Attributes:
        name: the first layer that makes these channels; unique.
        size: units at full width.
        layers: all layers whose outputs carry the group, in execution order.
        slices: the coupled slices of parameters and buffers.
    """

    name: str
    size: int
    layers: tuple[str, ...]
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Frozen:
    """Channels that stay, and why.

    Attributes:
        layer: the operator that holds them.
        where: the user's line.
        channels: how many.
        reason: in words.
    """

    layer: str
    where: str
    channels: int
    reason: str


@dataclass(frozen=True, eq=False)
class AxisMap:
    """For each position of a parameter's axis the index of its group (-1: none) and the unit in it."""

    group: Ints
    unit: Ints


@dataclass(frozen=True, eq=False)
class ChannelGroups:
    """All that shrinks, and what does not.

    Attributes:
        groups: in execution order; a group of one unit is never listed.
        frozen: channels that stay, with reasons.
        extents: tensor of the graph -> one `Extent` per axis.
        begins: SLICE operator -> (axis, where it begins).
        axes: (parameter, axis) -> the unit at each position.
        activations: tensor -> (axis along which its channels lie, the unit of each).
        traced: the network the groups belong to.
        sizes: attributes of the user's modules that count channels, and follow them.
    """

    groups: tuple[ChannelGroup, ...]
    frozen: tuple[Frozen, ...]
    extents: Mapping[int, tuple[Extent, ...]]
    begins: Mapping[str, tuple[int, Extent]]
    axes: Mapping[tuple[str, int], AxisMap]
    activations: Mapping[int, tuple[int, AxisMap]]
    traced: TracedModel
    sizes: OwnSizes = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, ChannelGroup]:
        return {group.name: group for group in self.groups}

    def units_in(self, tensor: int) -> dict[str, Ints]:
        """Group -> (units, positions per unit): where its units lie along an activation's channel axis."""
        if tensor not in self.activations:
            return {}
        _, owners = self.activations[tensor]
        return {
            self.groups[number].name: indices
            for number, indices in units_along(owners, [group.size for group in self.groups]).items()
        }

    @property
    def full_widths(self) -> dict[str, int]:
        return {group.name: group.size for group in self.groups}


def units_along(owners: AxisMap, sizes: Sequence[int]) -> dict[int, Ints]:
    """Number of each group along an axis -> (units, positions per unit); sizes are all groups' units."""
    order = np.lexsort((owners.unit, owners.group))
    return {
        int(number): order[owners.group[order] == number].astype(np.int32).reshape(sizes[number], -1)
        for number in np.unique(owners.group[owners.group >= 0])
    }
