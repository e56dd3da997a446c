"""Operators in the order that keeps least alive, against every order there is."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity
from edgeprune.engine.compile import CompileOptions, compile_graph
from edgeprune.engine.graph.early_exit import with_early_exit
from edgeprune.engine.graph.order import least_memory_order
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.hardware.registry import load_target
from edgeprune.ir import ArithmeticAttrs, ConcatenationAttrs, Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

Reads = tuple[tuple[int, ...], ...]


def network(sizes: tuple[int, ...], reads: Reads, outputs: tuple[int, ...]) -> Graph:
    """Operator k reads tensors `reads[k]` and makes tensor k + 1 of `sizes[k + 1]` bytes; tensor 0 is the input."""
    tensors = tuple(Tensor(f"t{k}", (1, size), DType.INT8, QParams((1.0,), (0,))) for k, size in enumerate(sizes))
    ops = tuple(
        Op(OpKind.CONCATENATION, f"op{k}", read, (k + 1,), ConcatenationAttrs(axis=1)) for k, read in enumerate(reads)
    )
    return Graph(tensors, ops, (0,), outputs)


def peak_bytes(graph: Graph) -> int:
    """Most bytes alive while an operator runs, counted the plain way."""
    peak, alive = 0, set(graph.inputs)
    for position, op in enumerate(graph.ops):
        alive |= set(op.outputs)
        peak = max(peak, sum(graph.tensors[tensor].size_bytes for tensor in alive))
        later = {tensor for other in graph.ops[position + 1 :] for tensor in other.inputs} | set(graph.outputs)
        alive &= later
    return peak


def every_order(graph: Graph) -> list[Graph]:
    found = []
    for order in permutations(range(len(graph.ops))):
        known, possible = set(graph.inputs), True
        for index in order:
            possible &= set(graph.ops[index].inputs) <= known
            known |= set(graph.ops[index].outputs)
        if possible:
            found.append(graph.with_ops(tuple(graph.ops[index] for index in order)))
    return found


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 6))
    reads = tuple(tuple(draw(st.lists(st.integers(0, k), min_size=1, max_size=2, unique=True))) for k in range(count))
    used = {tensor for read in reads for tensor in read}
    outputs = tuple(tensor for tensor in range(1, count + 1) if tensor not in used)
    return network(tuple(draw(st.integers(1, 99)) for _ in range(count + 1)), reads, outputs)


@settings(max_examples=150, deadline=None)
@given(networks())
def test_no_order_keeps_less_alive(graph: Graph) -> None:
    found = least_memory_order(graph)
    assert peak_bytes(found) == min(map(peak_bytes, every_order(graph)))
    assert {op.name for op in found.ops} == {op.name for op in graph.ops}
    assert found is graph or peak_bytes(found) < peak_bytes(graph)


def wide_then_narrow() -> Graph:
    """Two branches from one image: each widens and narrows again; done side by side both are wide at once."""
    scale = QParams((0.1,), (0,))

    def image(name: str, channels: int) -> Tensor:
        return Tensor(name, (1, 8, 8, channels), DType.INT8, scale)

    tensors, ops = [image("input", 4)], []

    def conv(source: int, channels: int, name: str) -> int:
        inputs = tensors[source].shape[3]
        per_channel = QParams((0.01,) * channels, (0,) * channels, 0)
        tensors.append(Tensor(f"{name}.w", (channels, 1, 1, inputs), DType.INT8, per_channel, is_constant=True))
        tensors.append(Tensor(f"{name}.b", (channels,), DType.INT32, per_channel, is_constant=True))
        tensors.append(image(name, channels))
        first = len(tensors) - 3
        ops.append(Op(OpKind.CONV_2D, name, (source, first, first + 1), (first + 2,), Conv2dAttrs()))
        return first + 2

    wide = [conv(0, 32, "left.wide"), conv(0, 32, "right.wide")]
    narrow = [conv(wide[0], 4, "left.narrow"), conv(wide[1], 4, "right.narrow")]
    tensors.append(image("sum", 4))
    ops.append(Op(OpKind.ADD, "sum", tuple(narrow), (len(tensors) - 1,), ArithmeticAttrs()))
    return Graph(tuple(tensors), tuple(ops), (0,), (len(tensors) - 1,))


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0"])
def test_a_compiled_network_takes_the_smaller_arena(target: str) -> None:
    graph, chosen = wide_then_narrow(), load_target(target)
    compiled = compile_graph(
        graph, chosen, CompileOptions(Optimize.BALANCED), Identity("x", "0" * 16, target, "test", "0")
    )
    own = make_plan(graph, lower(graph, chosen.cpu.isa, Optimize.BALANCED))
    assert [op.name for op in compiled.graph.ops] != [op.name for op in graph.ops]
    assert compiled.plan.arena_bytes < own.arena_bytes - 1500


def test_an_early_exit_is_not_put_behind_what_it_saves() -> None:
    """With op4 before op2 and op3, the exit's, 90 bytes would be free for op2's 80: 102 bytes instead of 182."""
    graph = network((5, 90, 10, 80, 2, 2), ((0,), (1,), (2,), (3,), (1, 2)), (5, 4))
    assert peak_bytes(graph) == 182 and peak_bytes(least_memory_order(graph)) == 102
    leaving = with_early_exit(graph, 1)
    assert [op.name for op in least_memory_order(leaving).ops] == ["op0", "op1", "op2", "op3", "op4", "early_exit"]
