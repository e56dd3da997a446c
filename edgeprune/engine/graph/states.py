"""States that are read and written where they lie.

A READ_VARIABLE goes where all who read its value are done before the state changes; an ASSIGN_VARIABLE where the
operator that makes the value may write it into the state at once, because nobody reads the state after it. This is the
last change to a graph: what an operator before the producer reads is no longer what that producer writes.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import Graph, Op, OpKind


def with_states_in_place(graph: Graph) -> Graph:
    """The graph itself where nothing is to be done."""
    return _written_in_place(_read_in_place(graph))


def _read_in_place(graph: Graph) -> Graph:
    dropped, uses = [], {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.READ_VARIABLE or op.outputs[0] in graph.outputs:
            continue
        (state,), (value,) = op.inputs, op.outputs
        readers = graph.consumers.get(value, ())
        later = [other for other, writer in enumerate(graph.ops) if state in writer.outputs and other > index]
        in_time = max(readers, default=0) < min(later, default=len(graph.ops))
        alike = same_values(graph, state, value) and graph.tensors[value].shape == graph.tensors[state].shape
        if alike and in_time and all(_reads_bytes(graph.ops[reader]) for reader in readers):
            dropped.append(index)
            uses[value] = state
    return edited(graph, dropped, uses)


def _reads_bytes(op: Op) -> bool:
    """Whether it is done with its input when it ends: a view's output is the same bytes."""
    return not (op.traits.is_reshape or op.traits.is_split or op.kind is OpKind.ASSIGN_VARIABLE)


def _written_in_place(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.ASSIGN_VARIABLE:
            continue
        (value,), (state,) = op.inputs, op.outputs
        maker = graph.producer.get(value)
        if maker is None or sole_reader(graph, value) != index or not same_values(graph, value, state):
            continue
        producer = replaced.get(maker, graph.ops[maker])
        touches = [
            other for other, one in enumerate(graph.ops) if other != index and state in (*one.inputs, *one.outputs)
        ]
        plain = not (producer.traits.is_reshape or producer.traits.is_split or producer.traits.is_join)
        same_shape = graph.tensors[value].shape == graph.tensors[state].shape
        if plain and same_shape and len(producer.outputs) == 1 and max(touches, default=-1) < maker:
            replaced[maker] = replace(producer, outputs=(state,))
            dropped.append(index)
    return edited(graph, dropped, replaced=replaced)
