"""Operators on numbers as they are: float32 at a model's ends, int32 and int64 positions, conditions, stored bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.board_engine import run_on_board
from tests.firmware.cases import ACTIVATIONS, FEW, MANY, PADDINGS, SEEDS, Case, check, many, shapes
from tests.firmware.host_engine import IDENTITY, random_samples, run_litert
from tests.firmware.one_op import TYPES, ModelBuilder

UNARY = (
    "ABS", "NEG", "FLOOR", "SIGN", "SQRT", "RSQRT", "EXP", "LOGISTIC", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1",
    "RELU_0_TO_1", "LEAKY_RELU", "L2_NORMALIZATION", "SQUARE",
)  # fmt: skip
OPTIONS = {"LEAKY_RELU": schema.LeakyReluOptionsT, "L2_NORMALIZATION": schema.L2NormOptionsT}
POSITIVE = ("SQRT", "RSQRT")
PAIRS = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}
BITS = {"int8": 8, "int16": 16, "int32": 32}
COMPARISONS = ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")
REDUCTIONS = ("SUM", "MEAN", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN")


@st.composite
def unary(draw: st.DrawFn, kinds: Sequence[str] = UNARY) -> Case:
    kind, shape, alpha = draw(st.sampled_from(kinds)), draw(shapes(4)), draw(st.floats(0, 1, width=32))

    def add(b: ModelBuilder) -> None:
        source, result = b.input(shape, dtype="float32"), b.tensor(shape, "float32")
        if kind in POSITIVE:
            positive = b.tensor(shape, "float32")
            b.op("ABS", [source], [positive], schema.AbsOptionsT())
            source = positive
        options = OPTIONS[kind]() if kind in OPTIONS else None
        if hasattr(options, "alpha"):
            options.alpha = alpha
        b.op(kind, [source], [result], options)
        b.output(result)

    return Case(f"{kind} of floats {shape} {alpha}", add)


@st.composite
def reductions(draw: st.DrawFn) -> Case:
    dtype = draw(st.sampled_from(["float32", "float32", "int32", "bool"]))
    kinds = {"float32": REDUCTIONS, "int32": [kind for kind in REDUCTIONS if kind != "MEAN"]}
    kind = draw(st.sampled_from(kinds.get(dtype, ["REDUCE_ANY", "REDUCE_ALL"])))
    shape, keeps = draw(shapes(4)), draw(st.booleans())
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keeps or axis not in axes)

    def add(b: ModelBuilder) -> None:
        source, result = b.input(shape, dtype=dtype), b.tensor(kept, dtype)
        options = schema.ReducerOptionsT()
        options.keepDims = keeps
        b.op(kind, [source, b.ints(axes)], [result], options)
        b.output(result)

    return Case(f"{kind} of {dtype} {shape} over {axes}", add)


@st.composite
def running_sums(draw: st.DrawFn) -> Case:
    dtype, shape = draw(st.sampled_from(["float32", "int32"])), draw(shapes(4))
    axis, exclusive, reverse = draw(st.integers(-len(shape), len(shape) - 1)), draw(st.booleans()), draw(st.booleans())

    def add(b: ModelBuilder) -> None:
        result, options = b.tensor(shape, dtype), schema.CumsumOptionsT()
        options.exclusive, options.reverse = exclusive, reverse
        b.op("CUMSUM", [b.input(shape, dtype=dtype), b.tensor((), "int32", data=axis)], [result], options)
        b.output(result)

    return Case(f"CUMSUM of {dtype} {shape} along {axis} exclusive={exclusive} reverse={reverse}", add)


@st.composite
def pools(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"]))
    h, w, c = (draw(st.integers(1, 8)) for _ in range(3))
    window, stride = [draw(st.integers(1, min(size, 4))) for size in (h, w)], [draw(st.integers(1, 3)) for _ in "yx"]
    padding, activation = draw(PADDINGS), draw(ACTIVATIONS)
    same = padding == schema.Padding.SAME
    out = [
        -(-size // step) if same else (size - taps) // step + 1
        for size, taps, step in zip((h, w), window, stride, strict=True)
    ]

    def add(b: ModelBuilder) -> None:
        source, result = b.input((1, h, w, c), dtype="float32"), b.tensor((1, *out, c), "float32")
        options = schema.Pool2DOptionsT()
        options.filterHeight, options.filterWidth = window
        options.strideH, options.strideW = stride
        options.padding, options.fusedActivationFunction = padding, activation
        b.op(kind, [source], [result], options)
        b.output(result)

    return Case(f"{kind} of floats {(h, w, c)} {window} {stride} same={same} {activation}", add)


@st.composite
def integer_pairs(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from([*PAIRS, "MAXIMUM", "MINIMUM", "BITWISE_XOR", "RIGHT_SHIFT"]))
    dtype = draw(st.sampled_from(["int8", "int16", "int32"])) if kind in ("BITWISE_XOR", "RIGHT_SHIFT") else "int32"
    shape, activation, seed = draw(shapes(4)), draw(ACTIVATIONS), draw(SEEDS)
    kept = tuple(1 if draw(st.booleans()) else size for size in shape)
    one, other = (shape, kept) if draw(st.booleans()) else (kept, shape)
    scale = {} if dtype == "int32" else {"scale": 1.0}

    def add(b: ModelBuilder) -> None:
        result, options = b.tensor(shape, dtype, **scale), PAIRS[kind]() if kind in PAIRS else None
        if options is not None:
            options.fusedActivationFunction = activation
        second = b.input(other, dtype=dtype, **scale)
        if kind == "RIGHT_SHIFT":  # by counts that C defines
            counts = np.random.default_rng(seed).integers(0, BITS[dtype], other)
            second = b.tensor(other, dtype, data=counts, **scale)
        b.op(kind, [b.input(one, dtype=dtype, **scale), second], [result], options)
        b.output(result)

    return Case(f"{kind} of {dtype} {one} {other} {activation}", add)


@st.composite
def float_pairs(draw: st.DrawFn) -> Case:
    """Two tensors of floats, or of whole numbers where they are compared."""
    kind = draw(st.sampled_from([*PAIRS, "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", *COMPARISONS]))
    dtype = draw(st.sampled_from(["float32", "int32"])) if kind in COMPARISONS else "float32"
    shape, activation = draw(shapes(4)), draw(ACTIVATIONS)
    kept = tuple(1 if draw(st.booleans()) else size for size in shape)
    one, other = (shape, kept) if draw(st.booleans()) else (kept, shape)

    def add(b: ModelBuilder) -> None:
        options = {**PAIRS, "DIV": schema.DivOptionsT}[kind]() if kind in (*PAIRS, "DIV") else None
        if options is not None:
            options.fusedActivationFunction = activation
        result = b.tensor(shape, "bool" if kind in COMPARISONS else dtype)
        b.op(kind, [b.input(one, dtype=dtype), b.input(other, dtype=dtype)], [result], options)
        b.output(result)

    return Case(f"{kind} of {dtype} {one} {other} {activation}", add)


@st.composite
def places(draw: st.DrawFn) -> Case:
    kind, dtype = draw(st.sampled_from(["ArgMax", "ArgMin"])), draw(st.sampled_from(["float32", "int32", "int8"]))
    shape, wide = draw(shapes(4, 9)), draw(st.sampled_from(["int32", "int64"]))
    axis = draw(st.integers(0, len(shape) - 1))
    scale = {"scale": 1.0} if dtype == "int8" else {}

    def add(b: ModelBuilder) -> None:
        result, options = b.tensor((*shape[:axis], *shape[axis + 1 :]), wide), getattr(schema, f"{kind}OptionsT")()
        options.outputType = TYPES[wide]
        name = "ARG_MAX" if kind == "ArgMax" else "ARG_MIN"
        b.op(name, [b.input(shape, dtype=dtype, **scale), b.ints(axis)], [result], options)
        b.output(result)

    return Case(f"{kind} of {dtype} {shape} along {axis} as {wide}", add)


@st.composite
def casts(draw: st.DrawFn) -> Case:
    """Of floats that the other type holds: beyond, LiteRT's cast is undefined."""
    made, shape = draw(st.sampled_from(["int8", "int16", "int32", "int64", "bool", "float32"])), draw(shapes(3))

    def add(b: ModelBuilder) -> None:
        result, options = b.tensor(shape, made), schema.CastOptionsT()
        options.inDataType, options.outDataType = TYPES["float32"], TYPES[made]
        b.op("CAST", [b.input(shape, dtype="float32")], [result], options)
        b.output(result)

    return Case(f"CAST of floats {shape} to {made}", add)


@st.composite
def one_hots(draw: st.DrawFn) -> Case:
    dtype, shape, depth = draw(st.sampled_from(["int8", "float32", "int32"])), draw(shapes(3)), draw(st.integers(1, 6))
    axis, seed = draw(st.integers(0, len(shape))), draw(SEEDS)
    scale = {"scale": 0.5, "zero": 3} if dtype == "int8" else {}

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        indices = b.ints(rng.integers(-2, depth + 2, shape))
        picked = b.tensor(shape, "int32")  # computed, so that nothing is constant there
        b.op("ADD", [indices, b.input(shape, dtype="int32")], [picked], schema.AddOptionsT())
        values = [b.tensor((), dtype, data=value, **scale) for value in rng.integers(-9, 9, 2)]
        result, options = b.tensor((*shape[:axis], depth, *shape[axis:]), dtype, **scale), schema.OneHotOptionsT()
        options.axis = -1 if axis == len(shape) else axis
        b.op("ONE_HOT", [picked, b.tensor((), "int32", data=depth), *values], [result], options)
        b.output(result)

    return Case(f"ONE_HOT of {shape} to {depth} of {dtype} along {axis}", add)


@st.composite
def updates(draw: st.DrawFn) -> Case:
    dtype, shape = draw(st.sampled_from(["int8", "float32", "int32"])), draw(shapes(4))
    part, seed, computed = tuple(draw(st.integers(1, size)) for size in shape), draw(SEEDS), draw(st.booleans())
    scale = {"scale": 0.5, "zero": 3} if dtype == "int8" else {}

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        starts = b.ints(rng.integers(-1, 8, len(shape)))
        if computed:
            sums = b.tensor((len(shape),), "int32")
            b.op("MAXIMUM", [starts, b.input((len(shape),), dtype="int32")], [sums])
            starts = sums
        result = b.tensor(shape, dtype, **scale)
        ends = [b.input(shape, dtype=dtype, **scale), b.input(part, dtype=dtype, **scale), starts]
        b.op("DYNAMIC_UPDATE_SLICE", ends, [result], schema.DynamicUpdateSliceOptionsT())
        b.output(result)

    return Case(f"DYNAMIC_UPDATE_SLICE of {dtype} {part} of {shape} computed={computed}", add)


FAMILIES = {
    "reduction": reductions(), "running sum": running_sums(), "pool": pools(), "integer pair": integer_pairs(),
    "float pair": float_pairs(), "place": places(), "cast": casts(), "one hot": one_hots(), "update": updates(),
}  # fmt: skip
ALL = st.one_of(unary(), unary(), *FAMILIES.values())


@FEW
@given(many(ALL))
def test_numbers(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(ALL))
def test_thousands_of_numbers(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_sums_of_many(dtype: str) -> None:
    def add(b: ModelBuilder) -> None:
        result = b.tensor((3, 4), dtype)
        b.op("ADD_N", [b.input((3, 4), dtype=dtype) for _ in range(4)], [result], schema.AddNOptionsT())
        b.output(result)

    check([Case(f"ADD_N of {dtype}", add)])


@pytest.mark.parametrize("isa", list(Isa))
def test_sums_of_whole_numbers_are_no_sums_of_int8(isa: Isa) -> None:
    """A table's indices, counted from its end, as Keras writes an embedding (found by its files)."""
    b = ModelBuilder()
    for kind, options in (("ADD", schema.AddOptionsT()), ("SUB", schema.SubOptionsT())):
        output = b.tensor((3, 5), "int32")
        b.op(kind, [b.input((3, 5), dtype="int32"), b.tensor((), "int32", data=50)], [output], options)
        b.output(output)
    calls = lower(read_tflite(b.build()), isa, Optimize.SPEED)
    assert [call.function for call in calls] == ["ep_add_int32_ref", "ep_sub_int32_ref"]


@pytest.mark.parametrize("kind", ["CEIL", "ROUND"])
def test_roundings(kind: str) -> None:
    """LiteRT's reference resolver has neither."""

    def add(b: ModelBuilder) -> None:
        result = b.tensor((3, 40), "float32")
        b.op(kind, [b.input((3, 40), dtype="float32")], [result])
        b.output(result)

    check([Case(kind, add)], "BUILTIN_WITHOUT_DEFAULT_DELEGATES")


def _floats(b: ModelBuilder) -> None:
    """One of each kind, and a pair whose result is not clamped."""
    for kind in (*UNARY, "MAXIMUM"):
        source, result = b.input((3, 5), dtype="float32"), b.tensor((3, 5), "float32")
        options = OPTIONS[kind]() if kind in OPTIONS else None
        b.op(kind, [source, b.input((3, 5), dtype="float32")] if kind == "MAXIMUM" else [source], [result], options)
        b.output(result)
    for kind in REDUCTIONS:
        result = b.tensor((3,), "float32")
        b.op(kind, [b.input((3, 5), dtype="float32"), b.ints([1])], [result], schema.ReducerOptionsT())
        b.output(result)
    for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
        options, result = schema.Pool2DOptionsT(), b.tensor((1, 2, 2, 3), "float32")
        options.filterHeight = options.filterWidth = options.strideH = options.strideW = 2
        b.op(kind, [b.input((1, 4, 4, 3), dtype="float32")], [result], options)
        b.output(result)


@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an385-armv6m"])
def test_a_board_computes_the_same_floats(board: str) -> None:
    """With a floating-point unit and without one; neither has a C library's mathematics."""
    b = ModelBuilder()
    _floats(b)
    model = b.build()
    graph = read_tflite(model)
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    samples = [[np.abs(value) for value in sample] for sample in random_samples(model, 2, seed=3)]  # roots of them too
    files = emit(graph, calls, make_plan(graph, calls), IDENTITY)
    for ours, theirs in zip(run_on_board(board, files, calls, samples), run_litert(model, samples), strict=True):
        assert ours == b"".join(np.ascontiguousarray(output).tobytes() for output in theirs)
