"""Steps that are computed again and again with the same weights: a recurrent cell, a convolution applied four times.

Where their tensors have one scale, their constants and tables are the same and are linked once.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.ir import Graph, Op

_DEPTH = 3  # operators that are looked back, to tell apart what one step does more than once


def repeated_tensors(graph: Graph) -> list[list[int]]:
    """Activations that should have one scale: what calls of one layer read, what they make, and what repeated
    operators behind them make."""
    calls: dict[int, list[Op]] = {}
    for op in graph.ops:
        if op.traits.has_weights:
            calls.setdefault(op.inputs[1], []).append(op)
    shared = {weight: ops for weight, ops in calls.items() if len(ops) > 1}
    if not shared:
        return []
    groups: list[list[int]] = []
    for ops in shared.values():
        groups += [[op.inputs[0] for op in ops], [op.outputs[0] for op in ops]]
    return groups + _behind(graph, set(shared))


def _behind(graph: Graph, shared: set[int]) -> list[list[int]]:
    """Outputs of operators that do the same with what comes from the same shared layers."""
    from_layers: dict[int, frozenset[int]] = {}
    found: dict[object, list[int]] = {}
    for op in graph.ops:
        above = frozenset[int]().union(*(from_layers.get(index, frozenset()) for index in op.inputs))
        if op.traits.has_weights:
            above = frozenset({op.inputs[1]} & shared)
        from_layers.update(dict.fromkeys(op.outputs, above))
        if above and not op.traits.has_weights:
            found.setdefault((above, _form(graph, op, shared, _DEPTH)), []).extend(op.outputs)
    return [outputs for outputs in found.values() if len(outputs) > 1]


def _form(graph: Graph, op: Op, shared: set[int], depth: int) -> object:
    """What it computes, a few operators back; a shared layer is as far as one looks."""
    if op.traits.has_weights:
        return op.kind, op.inputs[1]
    shapes: Sequence[object] = [graph.tensors[index].shape for index in (*op.inputs, *op.outputs) if index >= 0]
    makers = [graph.producer.get(index) for index in op.inputs]
    before = tuple(
        None if maker is None or depth == 0 else _form(graph, graph.ops[maker], shared, depth - 1) for maker in makers
    )
    return op.kind, op.attrs if op.traits.is_split or not op.traits.keeps_scale else None, tuple(shapes), before
