"""What is left of a graph's operators when some of their outputs are read no more."""

from __future__ import annotations

from edgeprune.ir import Graph, Op


def needed(graph: Graph) -> tuple[Op, ...]:
    """Those that the outputs depend on, in order."""
    wanted, kept = set(graph.outputs), list[Op]()
    for op in reversed(graph.ops):
        if wanted.intersection(op.outputs):
            wanted.update(op.inputs)
            kept.append(op)
    return tuple(reversed(kept))
