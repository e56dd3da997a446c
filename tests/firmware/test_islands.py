"""Float operators between int8 layers or at the ends: those of one tensor are a table, others have kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, OpKind
from tests.firmware.cases import ACTIVATIONS, FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.one_op import TYPES, ModelBuilder, schema

SHAPE = (1, 6, 50)
ONE = {
    "ABS": None, "NEG": None, "SQUARE": None, "FLOOR": None, "RELU": None, "RELU6": None, "RELU_N1_TO_1": None,
    "LOGISTIC": None, "EXP": None, "HARD_SWISH": None, "LEAKY_RELU": schema.LeakyReluOptionsT,
}  # fmt: skip
INEXACT = {"SIN": None, "COS": None, "TANH": None}
TWO = {
    "ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT, "DIV": schema.DivOptionsT,
    "MAXIMUM": None, "MINIMUM": None, "SQUARED_DIFFERENCE": None,
}  # fmt: skip


def _options(make: Any, activation: int) -> Any:
    options = make() if make else None
    if hasattr(options, "fusedActivationFunction"):
        options.fusedActivationFunction = activation
    if hasattr(options, "alpha"):
        options.alpha = 0.1
    return options


@st.composite
def islands(draw: st.DrawFn, kinds: Sequence[str]) -> Case:
    """Up to five operators over one tensor, the last of which may end in float."""
    scale, zero, out_scale, out_zero = draw(SCALES), draw(ZEROS), draw(SCALES), draw(ZEROS)
    chain = [draw(st.sampled_from(kinds)) for _ in range(draw(st.integers(1, 5)))]
    dtype, ends_float = draw(st.sampled_from(["int8", "int8", "uint8"])), draw(st.booleans())
    seed = draw(SEEDS)
    if ends_float:
        chain = [kind if kind not in INEXACT else "ABS" for kind in chain]

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        source = b.input(SHAPE, dtype=dtype, scale=scale, zero=zero if dtype == "int8" else zero + 128)
        made = [b.tensor(SHAPE, "float32")]
        b.op("DEQUANTIZE", [source], made, schema.DequantizeOptionsT())
        for kind in chain:
            given = [made[-1]]
            if kind in TWO:
                other = b.tensor((), "float32", data=np.float32(rng.normal(0, 2)))
                given = [given[0], made[rng.integers(len(made))] if rng.random() < 0.3 else other]
                given = given[::-1] if rng.random() < 0.5 and kind != "DIV" else given
                given = [given[0], other] if kind == "DIV" else given
            made.append(b.tensor(SHAPE, "float32"))
            make = ONE.get(kind) or TWO.get(kind)
            b.op(kind, given, [made[-1]], _options(make, int(rng.integers(4))))
        if ends_float:
            b.output(made[-1])
            return
        output = b.tensor(SHAPE, "int8", scale=out_scale, zero=out_zero)
        b.op("QUANTIZE", [made[-1]], [output], schema.QuantizeOptionsT())
        b.output(output)

    return Case(f"{dtype} {chain} float={ends_float} {scale} {zero} {out_scale} {out_zero} {seed}", add)


def compiled(model: bytes) -> tuple[Graph, dict[str, str]]:
    graph = clean(read_tflite(model))
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    return graph, emit(graph, calls, make_plan(graph, calls), IDENTITY)


def check_islands(cases: Sequence[Case]) -> None:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    graph, files = compiled(model)
    samples = random_samples(model, 3, seed=len(model))
    for ours, theirs in zip(run_c(graph, files, samples), run_litert(model, samples), strict=True):
        for case, one, other in zip(cases, ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=str(case))


def tabulated(case: Case) -> bool:
    """Whether nothing but a table is left; results beyond what a cast to integer takes stay float."""
    builder = ModelBuilder()
    case.add(builder)
    return {op.kind for op in clean(read_tflite(builder.build())).ops} <= {OpKind.TABLE, OpKind.DEQUANTIZE}


ALL = islands([*ONE, *TWO, *INEXACT]).filter(tabulated)


@FEW
@given(many(ALL))
def test_islands(cases: list[Case]) -> None:
    check_islands(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(ALL))
def test_thousands_of_islands(cases: list[Case]) -> None:
    check_islands(cases)


@pytest.mark.parametrize("kind", ["CEIL", "ROUND"])
def test_roundings(kind: str) -> None:
    """LiteRT's reference resolver has neither; with a scale of 1/8 its optimized DEQUANTIZE gives the same floats."""
    b = ModelBuilder()
    source, real, result = b.input(SHAPE, scale=1 / 8, zero=-5), b.tensor(SHAPE, "float32"), b.tensor(SHAPE, "float32")
    b.op("DEQUANTIZE", [source], [real], schema.DequantizeOptionsT())
    b.op(kind, [real], [result])
    b.output(result)
    model = b.build()
    graph, files = compiled(model)
    samples = random_samples(model, 3, seed=1)
    ours, theirs = run_c(graph, files, samples), run_litert(model, samples, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")
    assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def test_a_rescaling_of_bytes_is_a_table() -> None:
    """What Keras writes of a Rescaling layer over uint8: CAST, MUL, ADD, QUANTIZE."""
    b = ModelBuilder()
    image, real = b.input(SHAPE, dtype="uint8"), b.tensor(SHAPE, "float32")
    cast = schema.CastOptionsT()
    cast.inDataType, cast.outDataType = TYPES["uint8"], TYPES["float32"]
    b.op("CAST", [image], [real], cast)
    for kind, number in (("MUL", 1 / 127.5), ("ADD", -1.0)):
        result = b.tensor(SHAPE, "float32")
        b.op(kind, [real, b.tensor((), "float32", data=np.float32(number))], [result], TWO[kind]())
        real = result
    output = b.tensor(SHAPE, "int8", scale=1 / 128, zero=0)
    b.op("QUANTIZE", [real], [output], schema.QuantizeOptionsT())
    b.output(output)
    model = b.build()
    graph, files = compiled(model)
    assert [op.kind for op in graph.ops] == [OpKind.TABLE]
    samples = random_samples(model, 3, seed=1)
    np.testing.assert_array_equal(run_c(graph, files, samples), run_litert(model, samples))


PAIRS = {
    "ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT, "DIV": schema.DivOptionsT,
    "MAXIMUM": None, "MINIMUM": None,
}  # fmt: skip


@st.composite
def floats(draw: st.DrawFn) -> Case:
    """A pair with a vector, a softmax or both, behind int8 or a float input."""
    shape, scale, zero, seed = draw(shapes(4)), draw(SCALES), draw(ZEROS), draw(SEEDS)
    kind, activation = draw(st.sampled_from([None, *PAIRS])), draw(ACTIVATIONS)
    softmax = kind is None or draw(st.booleans())
    from_int8, beta = draw(st.booleans()), draw(st.sampled_from([1.0, 0.5]))
    vector = shape[draw(st.integers(0, len(shape) - 1)) :]

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        real = b.tensor(shape, "float32") if from_int8 else b.input(shape, dtype="float32")
        if from_int8:
            b.op("DEQUANTIZE", [b.input(shape, scale=scale, zero=zero)], [real], schema.DequantizeOptionsT())
        if kind:
            values = rng.normal(1, 1, vector).astype(np.float32)
            result, options = b.tensor(shape, "float32"), PAIRS[kind]() if PAIRS[kind] else None
            if options is not None:
                options.fusedActivationFunction = activation
            b.op(kind, [real, b.tensor(vector, "float32", data=values)], [result], options)
            real = result
        if softmax:
            result, options = b.tensor(shape, "float32"), schema.SoftmaxOptionsT()
            options.beta = beta
            b.op("SOFTMAX", [real], [result], options)
            real = result
        b.output(real)

    return Case(f"{kind} softmax={softmax} {shape} with {vector} int8={from_int8} {scale} {seed}", add)


@pytest.mark.parametrize("isa", [Isa.SCALAR, Isa.DSP, Isa.MVE])
@pytest.mark.parametrize("kind", sorted(PAIRS))
def test_an_instruction_set_leaves_floats_to_plain_c(isa: Isa, kind: str) -> None:
    b = ModelBuilder()
    ends = [b.input((1, 4, 4, 3), dtype="float32"), b.tensor((3,), "float32", data=np.ones(3, np.float32))]
    output = b.tensor((1, 4, 4, 3), "float32")
    b.op(kind, ends, [output], PAIRS[kind]() if PAIRS[kind] else None)
    b.output(output)
    (call,) = lower(read_tflite(b.build()), isa, Optimize.SPEED)
    assert call.function == f"ep_{kind.lower()}_float_ref"


@FEW
@given(many(floats()))
def test_floats(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(floats()))
def test_thousands_of_floats(cases: list[Case]) -> None:
    check(cases)
