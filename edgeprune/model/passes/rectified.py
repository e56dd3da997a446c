"""A RELU over what is never negative goes: some other operator has clamped it already."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import Op, OpKind, never_negative
from edgeprune.model.passes.rewritten import Rewritten


def run(before: Rewritten) -> Rewritten:
    graph = before.graph
    known, instead = never_negative(graph), dict[int, int]()
    for op in graph.ops:
        if op.kind is OpKind.RELU and op.inputs[0] in known and op.outputs[0] not in graph.outputs:
            instead[op.outputs[0]] = instead.get(op.inputs[0], op.inputs[0])
    if not instead:
        return before
    kept = [_reading(op, instead) for op in graph.ops if op.outputs[0] not in instead]
    return before.with_ops(tuple(kept))


def _reading(op: Op, instead: dict[int, int]) -> Op:
    return replace(op, inputs=tuple(instead.get(index, index) for index in op.inputs))
