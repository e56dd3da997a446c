"""Finds the channel groups of a network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.model.record import ForwardError
from edgeprune.model.trace import TracedModel
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.labels import FIXED, Reading, Tracker
from edgeprune.prune.coupling.own_sizes import own_sizes
from edgeprune.prune.coupling.partition import Partition
from edgeprune.prune.coupling.recurrence import tie_layers
from edgeprune.prune.coupling.rules import RULES
from edgeprune.prune.coupling.trial import blamed_operators, failing_groups


def find_groups(traced: TracedModel, shrinkable_outputs: Collection[int] = ()) -> ChannelGroups:
    """Couples channels through the graph, then tries the result on the network's shapes.

    A recorded reshape or slice does not show whether its sizes follow the tensor or stand in the code, and what takes
    all of a tensor is not recorded. So the network is thinned to half (shapes only) and followed again; what does not
    come out as predicted is frozen, and groups without whose channels forward() fails.

    Args:
        traced: the network at full width.
        shrinkable_outputs: indices of network outputs that may lose channels (classes). Inputs never do.
    """
    untried: dict[str, list[Reading]] = {}
    readings: dict[str, Reading] = {}
    needed, unused = {op.name for op in traced.graph.ops}, set[str]()
    failing: dict[str, str] = {}
    while True:
        tracker = _track(traced, readings, shrinkable_outputs)
        _freeze(tracker, dict.fromkeys(unused, "its result reaches no output") | failing)
        unread = next((name for name in tracker.ambiguous if name not in untried), None)
        if unread is not None:
            untried[unread] = _readings_by_units(traced, readings, unread, shrinkable_outputs)
            readings[unread] = untried[unread].pop(0)
            continue
        groups = replace(Partition(tracker).groups(), traced=traced)
        idle = {layer for group in groups.groups if not needed & {*group.layers} for layer in group.layers}
        if idle:
            unused |= idle
            continue
        open_ones = [name for name in tracker.risky if readings.get(name) is not Reading.FROZEN]
        try:
            groups, blamed = _tried(traced, groups, open_ones) if groups.groups else (groups, [])
        except ForwardError:
            more = failing_groups(traced, groups)
            if more.keys() <= failing.keys():
                raise
            failing |= more
            continue
        except ModelError:
            if open_ones:
                raise
            return groups
        if not blamed:
            return groups
        other_readings = [name for name in blamed if untried.get(name)]
        for name in other_readings or blamed:
            readings[name] = untried[name].pop(0) if other_readings else Reading.FROZEN


def _tried(traced: TracedModel, groups: ChannelGroups, risky: Sequence[str]) -> tuple[ChannelGroups, list[str]]:
    """The groups as they are, else with sizes in attributes that follow them, and the operators to read differently."""
    reason: ModelError | None = None
    blamed = list[str]()
    try:
        blamed = blamed_operators(traced, groups, risky)
    except ModelError as error:
        reason = error
    if not blamed and reason is None:
        return groups, []
    for sizes in own_sizes(traced, groups):
        following = replace(groups, sizes=sizes)
        try:
            left = blamed_operators(traced, following, risky)
        except ModelError:
            continue
        if not left:
            return following, []
    if reason is not None:
        raise reason
    return groups, blamed


def _readings_by_units(
    traced: TracedModel, readings: Mapping[str, Reading], name: str, shrinkable_outputs: Collection[int]
) -> list[Reading]:
    """Both readings of an operator that splits channels, the one that leaves more units to choose from first."""

    def units(reading: Reading) -> int:
        tracker = _track(traced, {**readings, name: reading}, shrinkable_outputs)
        return sum(group.size for group in Partition(tracker).groups().groups)

    return sorted((Reading.OUTER_FIXED, Reading.INNER_FIXED), key=units, reverse=True)


def _track(traced: TracedModel, readings: Mapping[str, Reading], shrinkable_outputs: Collection[int]) -> Tracker:
    graph = traced.coupled
    tracker = Tracker(replace(traced, graph=graph), readings)
    for tensor in graph.inputs:
        tracker.labels[tensor] = np.full((1,) * len(graph.tensors[tensor].shape), FIXED, np.int32)
    for op in graph.ops:
        RULES[op.kind](tracker, op)
    tie_layers(tracker)
    tracker.freeze_computed()
    _freeze_what_training_joins(tracker, traced)
    for index, tensor in enumerate(graph.outputs):
        if index not in shrinkable_outputs:
            producer = graph.producer.get(tensor)
            name = graph.ops[producer].name if producer is not None else "input"
            tracker.frozen.append((name, "the network's output", tracker.labels[tensor].ravel()))
    return tracker


def _freeze(tracker: Tracker, reasons: Mapping[str, str]) -> None:
    """reasons: operator -> why the channels of its output stay."""
    for op in tracker.traced.graph.ops:
        if op.name in reasons:
            tracker.frozen.append((op.name, reasons[op.name], tracker.labels[op.outputs[0]].ravel()))


def _freeze_what_training_joins(tracker: Tracker, traced: TracedModel) -> None:
    """An idle layer whose result nothing reads is for training alone, which may join it to what reads the same."""
    graph, needed = traced.coupled, {op.name for op in traced.graph.ops}
    for op in graph.ops:
        if op.name in needed or not op.traits.has_weights or graph.consumers.get(op.outputs[0]):
            continue
        for other in graph.ops:
            if other.traits.has_weights and other.inputs[0] == op.inputs[0]:
                reason = f"{op.name}, which only training uses, may be joined to it"
                tracker.frozen.append((other.name, reason, tracker.labels[other.outputs[0]].ravel()))
