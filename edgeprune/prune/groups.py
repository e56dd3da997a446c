"""Channel groups: what must shrink together, and every axis as a sum over groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from edgeprune.ir import Op
from edgeprune.model.trace import TracedModel
from edgeprune.prune.labels import FIXED, Labels, Reading, Tracker, varying
from edgeprune.prune.rules import RULES

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Extent:
    """The length of an axis: `constant + sum(multiplier * width of group)`."""

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    def at(self, widths: Mapping[str, int]) -> int:
        return self.constant + sum(multiplier * widths[group] for group, multiplier in self.terms)


@dataclass(frozen=True, eq=False)
class Slice:
    """Where a group's units lie along one axis of a parameter or buffer.

    Attributes:
        parameter: its name.
        axis: the axis.
        indices: (units, positions per unit); removing unit u removes positions `indices[u]`.
    """

    parameter: str
    axis: int
    indices: Ints


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
    """Who owns each position of a parameter's axis: index of the group (-1: nobody) and the unit in it."""

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
        axes: (parameter, axis) -> who owns each position.
        activations: tensor -> (axis along which its channels lie, who owns each).
        traced: the network the groups belong to.
    """

    groups: tuple[ChannelGroup, ...]
    frozen: tuple[Frozen, ...]
    extents: Mapping[int, tuple[Extent, ...]]
    begins: Mapping[str, tuple[int, Extent]]
    axes: Mapping[tuple[str, int], AxisMap]
    activations: Mapping[int, tuple[int, AxisMap]]
    traced: TracedModel

    @cached_property
    def by_name(self) -> Mapping[str, ChannelGroup]:
        return {group.name: group for group in self.groups}

    @property
    def full_widths(self) -> dict[str, int]:
        return {group.name: group.size for group in self.groups}


def find_groups(traced: TracedModel, shrinkable_outputs: Collection[int] = ()) -> ChannelGroups:
    """Couples channels through the graph, then tries the result on the network's shapes.

    A reshape or slice does not tell whether its sizes follow the tensor or stand in the code. Where there is one, the
    network is thinned to half (shapes only) and followed again; what does not come out as predicted is frozen.

    Args:
        traced: the network at full width.
        shrinkable_outputs: indices of network outputs that may lose channels (classes). Inputs never do.
    """
    from edgeprune.prune.trial import blamed_operators

    untried: dict[str, list[Reading]] = {}
    readings: dict[str, Reading] = {}
    while True:
        tracker = _track(traced, readings, shrinkable_outputs)
        unread = next((name for name in tracker.ambiguous if name not in untried), None)
        if unread is not None:
            untried[unread] = _readings_by_units(traced, readings, unread, shrinkable_outputs)
            readings[unread] = untried[unread].pop(0)
            continue
        groups = _Partition(tracker).groups()
        open_ones = [name for name in tracker.risky if readings.get(name) is not Reading.FROZEN]
        blamed = blamed_operators(traced, groups, open_ones) if groups.groups and open_ones else []
        if not blamed:
            return groups
        other_readings = [name for name in blamed if untried.get(name)]
        for name in other_readings or blamed:
            readings[name] = untried[name].pop(0) if other_readings else Reading.FROZEN


def _readings_by_units(
    traced: TracedModel, readings: Mapping[str, Reading], name: str, shrinkable_outputs: Collection[int]
) -> list[Reading]:
    """Both readings of an operator that takes channels apart, the one that leaves more units to choose from first."""

    def units(reading: Reading) -> int:
        tracker = _track(traced, {**readings, name: reading}, shrinkable_outputs)
        return sum(group.size for group in _Partition(tracker).groups().groups)

    return sorted((Reading.OUTER_FIXED, Reading.INNER_FIXED), key=units, reverse=True)


def _track(traced: TracedModel, readings: Mapping[str, Reading], shrinkable_outputs: Collection[int]) -> Tracker:
    graph = traced.graph
    tracker = Tracker(traced, readings)
    for tensor in graph.inputs:
        tracker.labels[tensor] = np.full((1,) * len(graph.tensors[tensor].shape), FIXED, np.int32)
    for op in graph.ops:
        RULES[op.kind](tracker, op)
    for index, tensor in enumerate(graph.outputs):
        if index not in shrinkable_outputs:
            producer = graph.producer.get(tensor)
            name = graph.ops[producer].name if producer is not None else "input"
            tracker.frozen.append((name, "the network's output", tracker.labels[tensor].ravel()))
    return tracker


class _Partition:
    """Connected labels become units; units that occur in the same places equally often become groups."""

    def __init__(self, tracker: Tracker):
        self.tracker = tracker
        self.graph = tracker.traced.graph
        self.unit_of = self._connected(tracker)
        self.units = int(self.unit_of.max()) + 1
        self.is_frozen = np.zeros(self.units, bool)
        self.is_frozen[self.unit_of[FIXED]] = True
        for _, _, labels in tracker.frozen:
            self.is_frozen[self.unit_of[labels]] = True
        self.color = self._colors()
        self.number = self._numbered()

    @staticmethod
    def _connected(tracker: Tracker) -> Ints:
        if not tracker.edges:
            return np.arange(tracker.count, dtype=np.int32)
        first = np.concatenate([a for a, _ in tracker.edges])
        second = np.concatenate([b for _, b in tracker.edges])
        matrix = coo_matrix((np.ones(first.size, np.int8), (first, second)), (tracker.count, tracker.count))
        return np.asarray(connected_components(matrix, directed=False)[1], np.int32)

    def _axes(self) -> list[Ints]:
        """The units along every axis that has any: activations, then parameters."""
        found = [self.unit_of[labels.ravel()] for labels in self.tracker.labels.values() if varying(labels)]
        return found + [self.unit_of[labels] for labels in self.tracker.parameters.values()]

    def _colors(self) -> Ints:
        """Refines until two units share a color only if every axis holds both equally often."""
        color = np.zeros(self.units, np.int64)
        fresh = 1
        for units in self._axes():
            present, counts = np.unique(units, return_counts=True)
            _, within = np.unique(np.stack([color[present], counts]), axis=1, return_inverse=True)
            color[present] = fresh + within.ravel()
            fresh += int(within.max()) + 1
        return color.astype(np.int32)

    def _numbered(self) -> dict[int, int]:
        """Color -> group number, for the colors that may shrink, in order of first appearance."""
        may_shrink = np.bincount(self.color) > 1
        may_shrink[self.color[self.is_frozen]] = False
        numbers: dict[int, int] = {}
        for op in self.graph.ops:
            for color in self._colors_of(op):
                if may_shrink[color]:
                    numbers.setdefault(color, len(numbers))
        return numbers

    def _colors_of(self, op: Op) -> list[int]:
        """Colors an operator's outputs carry, in the order of their channels."""
        found: list[int] = []
        for tensor in op.outputs:
            labels = self.tracker.labels[tensor]
            if varying(labels):
                colors, first = np.unique(self.color[self.unit_of[labels.ravel()]], return_index=True)
                found += colors[np.argsort(first)].tolist()
        return found

    def groups(self) -> ChannelGroups:
        layers: dict[int, list[str]] = {number: [] for number in sorted(self.number.values())}
        for op in self.graph.ops:
            for color in self._colors_of(op):
                if color in self.number and op.name not in layers[self.number[color]]:
                    layers[self.number[color]].append(op.name)
        group_of, rank_of = self._ranks()
        owners = {key: self._owners(labels, group_of, rank_of) for key, labels in self.tracker.parameters.items()}
        sizes = np.bincount(group_of[group_of >= 0], minlength=len(layers)).astype(np.int32)
        slices = _slices(owners, sizes)
        names = _names([layers[number][0] for number in sorted(layers)])
        groups = tuple(
            ChannelGroup(name, int(sizes[number]), tuple(layers[number]), tuple(slices[number]))
            for number, name in enumerate(names)
        )
        begins = {
            name: (axis, _extent(group_of[self.unit_of[labels]], groups))
            for name, (axis, labels) in self.tracker.begins.items()
        }
        return ChannelGroups(
            groups=groups,
            frozen=self._frozen(),
            extents={tensor: self._extents(tensor, group_of, groups) for tensor in range(len(self.graph.tensors))},
            begins=begins,
            axes=owners,
            activations={
                tensor: (varying(labels)[0], self._owners(labels, group_of, rank_of))
                for tensor, labels in self.tracker.labels.items()
                if len(varying(labels)) == 1
            },
            traced=self.tracker.traced,
        )

    def _owners(self, labels: Labels, group_of: Ints, rank_of: Ints) -> AxisMap:
        units = self.unit_of[labels.ravel()]
        return AxisMap(group_of[units], rank_of[units])

    def _ranks(self) -> tuple[Ints, Ints]:
        """For every unit its group's number (-1: none) and its place in the group."""
        table = np.full(int(self.color.max()) + 1, -1, np.int32)
        table[list(self.number)] = list(self.number.values())
        group_of = table[self.color]
        order = np.argsort(group_of, kind="stable")
        starts = np.searchsorted(group_of[order], group_of[order])
        rank_of = np.empty(self.units, np.int32)
        rank_of[order] = np.arange(self.units) - starts
        return group_of, rank_of

    def _extents(self, tensor: int, group_of: Ints, groups: Sequence[ChannelGroup]) -> tuple[Extent, ...]:
        shape = self.graph.tensors[tensor].shape
        extents = [Extent((), n) for n in shape]
        labels = self.tracker.labels.get(tensor)
        if labels is not None:
            for axis in varying(labels):
                extents[axis] = _extent(group_of[self.unit_of[labels.ravel()]], groups)
        for axis in range(len(shape)):
            if (tensor, axis) in self.tracker.constants:
                bound = self.tracker.constants[tensor, axis]
                extents[axis] = _extent(group_of[self.unit_of[bound]], groups)
        return tuple(extents)

    def _frozen(self) -> tuple[Frozen, ...]:
        where = self.tracker.traced.where
        return tuple(
            Frozen(name, where.get(name, ""), int(np.unique(self.unit_of[labels[labels != FIXED]]).size), reason)
            for name, reason, labels in self.tracker.frozen
            if (labels != FIXED).any()
        )


def _extent(owners: Ints, groups: Sequence[ChannelGroup]) -> Extent:
    """One term per group among the positions' owners; a unit that lies there twice has multiplier 2."""
    counts = np.bincount(owners[owners >= 0], minlength=len(groups))
    terms = tuple((group.name, int(n) // group.size) for group, n in zip(groups, counts, strict=True) if n)
    return Extent(terms, int((owners < 0).sum()))


def _slices(owners: Mapping[tuple[str, int], AxisMap], sizes: Ints) -> list[list[Slice]]:
    """Per group the places where its units lie in parameters."""
    found: list[list[Slice]] = [[] for _ in sizes]
    for (name, axis), owner in owners.items():
        order = np.lexsort((owner.unit, owner.group))
        for number in np.unique(owner.group[owner.group >= 0]):
            positions = order[owner.group[order] == number].astype(np.int32)
            found[number].append(Slice(name, axis, positions.reshape(sizes[number], -1)))
    return found


def _names(layers: list[str]) -> list[str]:
    """A group is called after its first layer; further groups of the same layer get a number."""
    names: list[str] = []
    for layer in layers:
        names.append(layer if layer not in names else f"{layer}#{layers[: len(names)].count(layer) + 1}")
    return names
