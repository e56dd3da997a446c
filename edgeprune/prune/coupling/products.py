"""What products of two activations and tables do to channel labels."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import BatchMatmulAttrs, Op, OpKind, attrs_of
from edgeprune.prune.coupling.labels import FIXED, Labels, Tracker, varying


def product(tracker: Tracker, op: Op) -> None:
    """Matrices: rows of the one, columns of the other; along what is summed over, both lose the same positions."""
    attrs, ranks = attrs_of(op, BatchMatmulAttrs), [len(tracker.tensor(op, k).shape) for k in range(2)]
    both = [_matrix_labels(tracker, op, k) for k in range(2)]
    left = both[0].swapaxes(-1, -2) if attrs.adj_x else both[0]
    right = both[1].swapaxes(-1, -2) if attrs.adj_y else both[1]
    if op.inputs[0] == op.inputs[1] or _common_source(tracker, op):
        for axis, labels in ((-1, left), (-2, right)):
            if labels.shape[axis] != 1:
                tracker.freeze(op, "a norm over channels", labels)
    if left.shape[-1] != 1 or right.shape[-2] != 1:
        tracker.tie(left.take([0], -2).swapaxes(-1, -2) if left.shape[-2] == 1 else left.swapaxes(-1, -2), right)
    rank = max(ranks)
    rows = _outer(left.take([0], -1), rank)
    columns = _outer(right.take([0], -2), rank)
    if varying(rows) and varying(columns) and varying(rows) != varying(columns):
        tracker.freeze(op, "channels lie along both sides of a product", np.append(rows, columns))
        tracker.set(op, np.full((1,) * rank, FIXED, np.int32))
        return
    if varying(rows) and varying(columns):
        tracker.tie(rows, columns)
    tracker.set(op, rows if varying(rows) else columns)


def _outer(labels: Labels, rank: int) -> Labels:
    return labels.reshape((1,) * (rank - labels.ndim) + labels.shape)


def _matrix_labels(tracker: Tracker, op: Op, index: int) -> Labels:
    if tracker.is_constant(op, index):
        return np.full((1,) * len(tracker.tensor(op, index).shape), FIXED, np.int32)
    return tracker.of(op, index)


def _common_source(tracker: Tracker, op: Op) -> bool:
    """Whether both inputs are views of one tensor: a sum of squares."""
    sources = []
    for index in op.inputs:
        while (maker := tracker.traced.graph.producer.get(index)) is not None:
            made_by = tracker.traced.graph.ops[maker]
            if not (made_by.traits.is_reshape or made_by.kind is OpKind.TRANSPOSE):
                break
            index = made_by.inputs[0]
        sources.append(index)
    return sources[0] == sources[1]


def table(tracker: Tracker, op: Op) -> None:
    """An embedding makes channels: the columns of its table."""
    rows = tracker.tensor(op, 1)
    made = tracker.new(rows.shape[1])
    tracker.freeze(op, "channels pick rows of a table", tracker.of(op))
    tracker.bind(op, 1, 1, made)
    tracker.set(op, made.reshape((1,) * (len(tracker.traced.graph.output_of(op).shape) - 1) + (-1,)))
