"""From connected labels to groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from edgeprune.ir import Op, OpKind
from edgeprune.model.trace import TracedModel, own_bias
from edgeprune.prune.coupling.channels import (
    AxisMap,
    ChannelGroup,
    ChannelGroups,
    Extent,
    Frozen,
    Ints,
    Role,
    Slice,
    units_along,
)
from edgeprune.prune.coupling.labels import FIXED, Labels, Tracker, varying

_FOLD_ROLES = {
    "weight": Role.NORM_SCALE, "bias": Role.NORM_SHIFT, "running_mean": Role.STATISTIC, "running_var": Role.STATISTIC
}  # fmt: skip


class Partition:
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
        activations = [self.unit_of[labels.ravel()] for labels in self.tracker.labels.values() if varying(labels)]
        return activations + [self.unit_of[labels] for labels in self.tracker.parameters.values()]

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
        carried: list[int] = []
        for tensor in op.outputs:
            labels = self.tracker.labels[tensor]
            if varying(labels):
                colors, first = np.unique(self.color[self.unit_of[labels.ravel()]], return_index=True)
                carried += colors[np.argsort(first)].tolist()
        return carried

    def groups(self) -> ChannelGroups:
        layers: dict[int, list[str]] = {number: [] for number in sorted(self.number.values())}
        for op in self.graph.ops:
            for color in self._colors_of(op):
                if color in self.number and op.name not in layers[self.number[color]]:
                    layers[self.number[color]].append(op.name)
        group_of, rank_of = self._ranks()
        owners = {key: self._owners(labels, group_of, rank_of) for key, labels in self.tracker.parameters.items()}
        sizes = np.bincount(group_of[group_of >= 0], minlength=len(layers)).astype(np.int32)
        slices = _slices(owners, sizes, _roles(self.tracker.traced))
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


def _slices(
    owners: Mapping[tuple[str, int], AxisMap], sizes: Ints, roles: Mapping[tuple[str, int], Role]
) -> list[list[Slice]]:
    """Per group the places where its units lie in parameters."""
    slices: list[list[Slice]] = [[] for _ in sizes]
    for (name, axis), owner in owners.items():
        for number, indices in units_along(owner, sizes.tolist()).items():
            slices[number].append(Slice(name, axis, indices, roles.get((name, axis), Role.OTHER)))
    return slices


def _roles(traced: TracedModel) -> dict[tuple[str, int], Role]:
    roles: dict[tuple[str, int], Role] = {}
    for op in traced.graph.ops:
        for fold in traced.folds.get(op.name, ()):
            roles.update({(name, 0): _FOLD_ROLES.get(role, Role.OTHER) for role, name in fold.parameters.items()})
        axis = op.traits.weight_output_axis
        if axis is not None and traced.slices[op.inputs[1]]:
            axes = traced.slices[op.inputs[1]][0].axes
            name, made = traced.slices[op.inputs[1]][0].name, axes[axis]
            for each in axes:
                if each is not None and roles.get((name, each)) is not Role.MAKES:
                    roles[name, each] = Role.MAKES if each == made else Role.READS
            own = own_bias(traced, op)
            if own is not None:
                roles[own, 0] = Role.BIAS
        if op.kind is OpKind.TABLE:  # an embedding: each column of its rows is a channel
            for piece in traced.slices[op.inputs[1]]:
                if piece.axes[1] is not None:
                    roles.setdefault((piece.name, piece.axes[1]), Role.MAKES)
    return roles


def _names(layers: list[str]) -> list[str]:
    """A group is called after its first layer; further groups of the same layer get a number."""
    names: list[str] = []
    for layer in layers:
        names.append(layer if layer not in names else f"{layer}#{layers[: len(names)].count(layer) + 1}")
    return names
