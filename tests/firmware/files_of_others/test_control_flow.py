"""IF and WHILE whose conditions are known are unrolled, and the bytes stay LiteRT's; others are refused in words."""

from __future__ import annotations

from collections.abc import Callable

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.engine.tflite.known.control_flow import MOST_TURNS
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError, UnsupportedOp
from tests.firmware.one_op import ModelBuilder
from tests.firmware.test_clean import same_bytes

SHAPE, SCALE = (1, 6), 0.05
Value = Callable[[ModelBuilder, int, int], int]
"""(builder, int8 tensor, counter) -> int8 tensor."""


class Program(ModelBuilder):
    """A model of several subgraphs; this one is the first."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.others: list[schema.SubGraphT] = []

    def subgraph(self) -> ModelBuilder:
        """Another one, of the same file."""
        other = ModelBuilder()
        other.model, other._codes = self.model, self._codes
        self.others.append(other.graph)
        return other

    def last(self) -> int:
        return len(self.others)

    def build(self) -> bytes:
        self.model.subgraphs = [self.graph, *self.others]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def image(b: ModelBuilder) -> int:
    return b.tensor(SHAPE, scale=SCALE)


def counter(b: ModelBuilder) -> int:
    return b.tensor((), "int32")


def number(b: ModelBuilder, value: int) -> int:
    return b.tensor((), "int32", data=np.array(value, np.int32))


def dense(b: ModelBuilder, x: int, seed: int) -> int:
    weights = np.random.default_rng(seed).integers(-90, 90, (SHAPE[1], SHAPE[1]))
    out = image(b)
    options = schema.FullyConnectedOptionsT()
    b.op("FULLY_CONNECTED", [x, b.tensor(weights.shape, scale=0.004, data=weights)], [out], options)
    return out


def two(b: ModelBuilder, kind: str, one: int, other: int, out: int, options: object = None) -> int:
    b.op(kind, [one, other], [out], options)
    return out


def conditional(p: Program, chosen: int, x: int) -> int:
    """An IF between two dense layers."""
    options = schema.IfOptionsT()
    for seed, field in ((3, "thenSubgraphIndex"), (4, "elseSubgraphIndex")):
        b = p.subgraph()
        own = b.input(SHAPE, scale=SCALE)
        b.output(dense(b, own, seed))
        setattr(options, field, p.last())
    out = image(p)
    p.op("IF", [chosen, x], [out], options)
    return out


def loop(p: Program, start: int, end: int, x: int, turn: Value, kind: str = "LESS") -> tuple[int, int]:
    """`while start < end: x = turn(x, start); start += 1`; the counter and x behind it."""
    options = schema.WhileOptionsT()
    b = p.subgraph()
    at, _ = b.input((), dtype="int32"), b.input(SHAPE, scale=SCALE)
    b.output(two(b, kind, at, number(b, end), b.tensor((), "bool")))
    options.condSubgraphIndex = p.last()
    b = p.subgraph()
    at, own = b.input((), dtype="int32"), b.input(SHAPE, scale=SCALE)
    made = turn(b, own, at)
    b.output(two(b, "ADD", at, number(b, 1), counter(b), schema.AddOptionsT()), made)
    options.bodySubgraphIndex = p.last()
    outs = counter(p), image(p)
    p.op("WHILE", [start, x], list(outs), options)
    return outs


@pytest.mark.parametrize("chosen", [True, False])
def test_the_branch_of_a_known_condition(chosen: bool) -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    wish = p.tensor((), "bool", data=np.array(chosen))
    p.output(dense(p, conditional(p, wish, x), 5))
    assert same_bytes(p.build()) == ["FULLY_CONNECTED", "FULLY_CONNECTED"]


def test_a_condition_worked_out_of_a_shape() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    size = p.tensor((2,), "int32")
    shape = schema.ShapeOptionsT()
    shape.outType = schema.TensorType.INT32
    p.op("SHAPE", [x], [size], shape)
    most, wide = counter(p), p.tensor((), "bool")
    p.op("REDUCE_MAX", [size, p.ints([0])], [most], schema.ReducerOptionsT())
    p.op("GREATER", [most, number(p, 5)], [wide])
    out = conditional(p, wide, x)
    p.output(out)
    assert same_bytes(p.build()) == ["FULLY_CONNECTED"]


@pytest.mark.parametrize("kind", ["SELECT", "SELECT_V2"])
def test_rows_are_chosen_as_litert_chooses_them(kind: str) -> None:
    """By a vector SELECT takes whole rows, SELECT_V2 goes along the last axis."""
    p = Program()
    x = p.input((6,), scale=SCALE)
    rows = [p.tensor((2, 2), "int32", data=np.array(one, np.int32)) for one in ([[1, 2], [3, 4]], [[5, 0], [4, 5]])]
    chosen, out = p.tensor((2, 2), "int32"), p.tensor((2, 2), scale=SCALE)
    wish = p.tensor((2,), "bool", data=np.array([True, False]))
    p.op(kind, [wish, *rows], [chosen], None if kind == "SELECT" else schema.SelectV2OptionsT())
    p.op("GATHER", [x, chosen], [out], schema.GatherOptionsT())
    p.output(out)
    assert same_bytes(p.build()) == ["GATHER"]


def by_row(b: ModelBuilder, x: int, at: int) -> int:
    """x plus row `at` of a table."""
    table = b.tensor((4, SHAPE[1]), scale=SCALE, data=np.arange(4 * SHAPE[1]).reshape(4, SHAPE[1]) * 3 - 40)
    row, index, out = image(b), b.tensor((1,), "int32"), image(b)
    b.op("RESHAPE", [at, b.ints([1])], [index], schema.ReshapeOptionsT())
    b.op("GATHER", [table, index], [row], schema.GatherOptionsT())
    return two(b, "ADD", x, row, out, schema.AddOptionsT())


@given(st.integers(0, 3), st.integers(0, 4), st.sampled_from(["LESS", "LESS_EQUAL", "NOT_EQUAL"]))
@settings(max_examples=6, deadline=None)
def test_turns_one_after_the_other(start: int, end: int, kind: str) -> None:
    end = max(start, end) if kind == "NOT_EQUAL" else min(end, 3)
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    _, out = loop(p, number(p, start), end, x, by_row if end < 4 else lambda b, x, at: dense(b, x, 7), kind)
    p.output(dense(p, out, 2))
    turns = max(end - start + (kind == "LESS_EQUAL"), 0)
    assert same_bytes(p.build()).count("FULLY_CONNECTED" if end == 4 else "ADD") == turns + (end == 4)


def test_a_branch_in_every_turn() -> None:
    p = Program()

    def turn(b: ModelBuilder, x: int, at: int) -> int:
        chosen = two(b, "EQUAL", at, number(b, 1), b.tensor((), "bool"))
        options = schema.IfOptionsT()
        for seed, field in ((3, "thenSubgraphIndex"), (4, "elseSubgraphIndex")):
            inner = p.subgraph()
            own = inner.input(SHAPE, scale=SCALE)
            inner.output(dense(inner, own, seed) if seed == 3 else own)
            setattr(options, field, p.last())
        out = image(b)
        b.op("IF", [chosen, x], [out], options)
        return dense(b, out, 8)

    # The body comes last of all, behind the branches it runs.
    x = p.input(SHAPE, scale=SCALE)
    _, out = loop(p, number(p, 0), 3, x, turn)
    body = p.others[1]
    p.others.remove(body)
    p.others.append(body)
    for graph in (p.graph, *p.others):
        for operator in graph.operators:
            options = operator.builtinOptions
            if isinstance(options, schema.IfOptionsT):
                options.thenSubgraphIndex, options.elseSubgraphIndex = 2, 3
            if isinstance(options, schema.WhileOptionsT):
                options.bodySubgraphIndex = len(p.others)
    p.output(out)
    assert same_bytes(p.build()) == ["FULLY_CONNECTED"] * 4


def refused(p: Program) -> EdgePruneError:
    with pytest.raises(EdgePruneError) as refusal:
        read_tflite(p.build())
    return refusal.value


def test_conditions_that_are_computed() -> None:
    p = Program()
    x, chosen = p.input(SHAPE, scale=SCALE), p.input((), dtype="bool")
    p.output(conditional(p, chosen, x))
    error = refused(p)
    assert isinstance(error, UnsupportedOp) and "condition is computed while the model runs" in error.message
    assert "IF 't" in error.message and error.hint is not None and "one branch alone" in error.hint
    p = Program()
    x, start = p.input(SHAPE, scale=SCALE), p.input((), dtype="int32")
    p.output(loop(p, start, 3, x, by_row)[1])
    error = refused(p)
    assert isinstance(error, UnsupportedOp) and "WHILE" in error.message and "computed" in error.message
    assert error.hint is not None and "unroll" in error.hint


def test_loops_without_end() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    p.output(loop(p, number(p, 0), -1, x, lambda b, x, at: dense(b, x, 1), "GREATER")[1])
    assert f"more than {MOST_TURNS} turns" in refused(p).message


def test_constants_that_grow_in_every_turn() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    options = schema.WhileOptionsT()
    b = p.subgraph()
    rows, _ = b.input((1,), dtype="int32"), b.input(SHAPE, scale=SCALE)
    first, size = b.tensor((), "int32"), b.tensor((), "bool")
    b.op("REDUCE_MAX", [rows, b.ints([0])], [first], schema.ReducerOptionsT())
    b.output(two(b, "LESS", first, number(b, 9), size))
    options.condSubgraphIndex = p.last()
    b = p.subgraph()
    rows, own = b.input((1,), dtype="int32"), b.input(SHAPE, scale=SCALE)
    b.output(two(b, "CONCATENATION", rows, rows, b.tensor((1,), "int32"), schema.ConcatenationOptionsT()), own)
    options.bodySubgraphIndex = p.last()
    out = image(p)
    p.op("WHILE", [p.ints([1]), x], [p.tensor((1,), "int32"), out], options)
    p.output(out)
    assert "a constant of 2,097,152 elements" in refused(p).message


def test_subgraphs_that_run_themselves() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    wish = p.tensor((), "bool", data=np.array(True))
    p.output(conditional(p, wish, x))
    inner = p.others[0]
    inner.tensors.append(p.graph.tensors[wish])
    options = schema.IfOptionsT()
    options.thenSubgraphIndex = options.elseSubgraphIndex = 1
    operator = schema.OperatorT()
    operator.opcodeIndex = p._codes[schema.BuiltinOperator.IF]
    operator.inputs, operator.outputs = [len(inner.tensors) - 1, 0], inner.outputs
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.IfOptions, options
    inner.operators = [operator]
    assert "without end" in refused(p).message


def test_bytes_that_change_their_scale() -> None:
    p = Program()
    x = p.input(SHAPE, scale=2 * SCALE)
    p.output(conditional(p, p.tensor((), "bool", data=np.array(True)), x))
    assert "differ in type or scale" in refused(p).message


def test_a_branch_that_keeps_a_state() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    p.output(conditional(p, p.tensor((), "bool", data=np.array(True)), x))
    p.others[0].tensors[p.others[0].outputs[0]].isVariable = True
    assert "keeps a state" in refused(p).message


def test_a_loop_that_never_turns_hands_its_input_on() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    p.output(loop(p, number(p, 3), 3, x, by_row)[1])
    assert same_bytes(p.build()) == []


def test_subgraphs_that_are_not_there_or_do_not_fit() -> None:
    p = Program()
    x = p.input(SHAPE, scale=SCALE)
    p.output(conditional(p, p.tensor((), "bool", data=np.array(True)), x))
    p.graph.operators[0].builtinOptions.thenSubgraphIndex = 9
    assert "subgraph 9 of 3" in refused(p).message
    p.graph.operators[0].builtinOptions.thenSubgraphIndex = 1
    p.graph.operators[0].inputs = [p.graph.operators[0].inputs[0]]
    assert "0 inputs for 1" in refused(p).message
