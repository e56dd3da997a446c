"""GATHER, GATHER_ND, SCATTER_ND and EMBEDDING_LOOKUP: from activations and constants, constant and computed indices.

Rows of a constant table picked by int8 values are a QUANTIZE to uint8, a CAST and a GATHER in a file; by int16 values a
CAST, a MAXIMUM and a MINIMUM that hold them within the rows, and a GATHER.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import OpKind
from tests.firmware.cases import FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.one_op import TYPES, ModelBuilder


@st.composite
def gathers(draw: st.DrawFn) -> Case:
    shape, picked = draw(shapes(4)), draw(shapes(2, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    batches = draw(st.integers(0, axis))
    shared = (*shape[:batches], *picked)
    constant_table = draw(st.booleans())
    scale, zero, seed = draw(SCALES), draw(ZEROS), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        table = rng.integers(-128, 128, shape) if constant_table else None
        data = (b.tensor if constant_table else b.input)(shape, scale=scale, zero=zero, data=table)
        indices = b.ints(rng.integers(0, shape[axis], shared))
        output = b.tensor((*shape[:axis], *picked, *shape[axis + 1 :]), scale=scale, zero=zero)
        if constant_table:  # the indices come from an operator, so that nothing is constant there
            indices = b.tensor(shared, "int32")
            arg_max = schema.ArgMaxOptionsT()
            arg_max.outputType = schema.TensorType.INT32
            b.op("ARG_MAX", [b.input((*shared, shape[axis]), scale=1.0), b.ints(len(shared))], [indices], arg_max)
        options = schema.GatherOptionsT()
        options.axis, options.batchDims = axis, batches
        b.op("GATHER", [data, indices], [output], options)
        b.output(output)

    return Case(f"{picked} of {shape} on {axis}, {batches} batch axes constant_table={constant_table}", add)


@st.composite
def gathers_nd(draw: st.DrawFn) -> Case:
    shape, picked = draw(shapes(4)), draw(shapes(2, 4))
    depth = draw(st.integers(1, len(shape)))
    scatters, scale, zero, seed = draw(st.booleans()), draw(SCALES), draw(ZEROS), draw(SEEDS)
    slices = (*picked, *shape[depth:])
    dtype = draw(st.sampled_from(["int8", "int8", "float32", "int32", "int64"]))
    quantized = {"scale": scale, "zero": zero} if dtype == "int8" else {"dtype": dtype}

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        indices = b.ints(rng.integers(0, shape[:depth], (*picked, depth)))
        data = b.input(slices if scatters else shape, **quantized)
        output = b.tensor(shape if scatters else slices, **quantized)
        if scatters:
            b.op("SCATTER_ND", [indices, data, b.ints(shape)], [output], schema.ScatterNdOptionsT())
        else:
            b.op("GATHER_ND", [data, indices], [output], schema.GatherNdOptionsT())
        b.output(output)

    return Case(f"scatters={scatters} {dtype} {picked} of {shape}, {depth} deep", add)


@st.composite
def embeddings(draw: st.DrawFn) -> Case:
    shape, count = draw(shapes(3).filter(lambda shape: len(shape) > 1)), draw(st.integers(1, 6))
    scale, zero, seed = draw(SCALES), draw(ZEROS), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rows = np.random.default_rng(seed).integers(-128, 128, shape)
        table = b.tensor(shape, scale=scale, zero=zero, data=rows)
        index = b.tensor((count,), "int32")
        arg_max = schema.ArgMaxOptionsT()
        arg_max.outputType = schema.TensorType.INT32
        b.op("ARG_MAX", [b.input((count, shape[0]), scale=1.0), b.ints(1)], [index], arg_max)
        output = b.tensor((count, *shape[1:]), scale=scale, zero=zero)
        b.op("EMBEDDING_LOOKUP", [index, table], [output])
        b.output(output)

    return Case(f"{count} rows of {shape}", add)


@st.composite
def reversals(draw: st.DrawFn) -> Case:
    """REVERSE_SEQUENCE: the batch first, or of one."""
    shape = draw(shapes(4).filter(lambda sizes: len(sizes) > 1))
    batch, time = draw(st.sampled_from([(0, axis) for axis in range(1, len(shape))] + [(1, 0)]))
    shape = tuple(1 if batch and axis == batch else size for axis, size in enumerate(shape))
    lengths = draw(st.lists(st.integers(0, shape[time]), min_size=shape[batch], max_size=shape[batch]))
    dtype = draw(st.sampled_from(["int16", "uint8", "int32", "float32"]))

    def add(b: ModelBuilder) -> None:
        quantized = {"scale": 0.1} if dtype in ("int16", "uint8") else {}
        output = b.tensor(shape, dtype, **quantized)
        options = schema.ReverseSequenceOptionsT()
        options.seqDim, options.batchDim = time, batch
        b.op("REVERSE_SEQUENCE", [b.input(shape, dtype=dtype, **quantized), b.ints(lengths)], [output], options)
        b.output(output)

    return Case(f"{lengths} steps of {dtype} {shape} on {time} turned round", add)


PICKS = st.one_of(gathers(), gathers_nd(), embeddings())


@FEW
@given(many(st.one_of(PICKS, reversals())))
def test_gather(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(st.one_of(PICKS, reversals())))
def test_thousands_of_gather(cases: list[Case]) -> None:
    check(cases)


@st.composite
def tables(draw: st.DrawFn) -> Case:
    shape, width = draw(shapes(3, 6)), draw(st.sampled_from([(), (1,), (3,), (2, 4)]))
    scale, zero, out_scale, out_zero = draw(SCALES), draw(ZEROS), draw(SCALES), draw(ZEROS)
    readers, seed = draw(st.integers(1, 2)), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        data = b.input(shape, scale=scale, zero=zero)
        unsigned, index = b.tensor(shape, "uint8", scale=scale, zero=zero + 128), b.tensor(shape, "int32")
        cast, gather = schema.CastOptionsT(), schema.GatherOptionsT()
        cast.inDataType, cast.outDataType = TYPES["uint8"], TYPES["int32"]
        b.op("QUANTIZE", [data], [unsigned], schema.QuantizeOptionsT())
        b.op("CAST", [unsigned], [index], cast)
        for _ in range(readers):
            rows = rng.integers(-128, 128, (256, *width))
            table = b.tensor(rows.shape, scale=out_scale, zero=out_zero, data=rows)
            output = b.tensor((*shape, *width), scale=out_scale, zero=out_zero)
            b.op("GATHER", [table, index], [output], gather)
            b.output(output)

    return Case(f"rows of {width} for {shape}", add)


@st.composite
def tables_of_int16(draw: st.DrawFn) -> Case:
    shape, width, count = draw(shapes(3, 6)), draw(st.sampled_from([(), (1,), (3,), (2, 4)])), draw(st.integers(1, 700))
    scale, zero, seed, limits = draw(SCALES), draw(ZEROS), draw(SEEDS), draw(st.permutations(("MAXIMUM", "MINIMUM")))

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=1.0, dtype="int16")
        index = b.tensor(shape, "int32")
        cast, gather = schema.CastOptionsT(), schema.GatherOptionsT()
        cast.inDataType, cast.outDataType = TYPES["int16"], TYPES["int32"]
        b.op("CAST", [data], [index], cast)
        for kind in limits:
            limit = b.tensor((), "int32", data=np.array(0 if kind == "MAXIMUM" else count - 1))
            held = b.tensor(shape, "int32")
            b.op(kind, [index, limit], [held], schema.MaximumMinimumOptionsT())
            index = held
        rows = np.random.default_rng(seed).integers(-128, 128, (count, *width))
        table = b.tensor(rows.shape, scale=scale, zero=zero, data=rows)
        output = b.tensor((*shape, *width), scale=scale, zero=zero)
        b.op("GATHER", [table, index], [output], gather)
        b.output(output)

    return Case(f"{count} rows of {width} for int16 {shape}", add)


def check_tables(cases: list[Case]) -> None:
    """Cleaned, each is one operator, and its bytes are LiteRT's."""
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    graph = clean(read_tflite(model))
    assert {op.kind for op in graph.ops} == {OpKind.TABLE}
    calls = lower(graph, Isa.REF, Optimize.BALANCED)
    files = emit(graph, calls, make_plan(graph, calls), IDENTITY)
    samples = random_samples(model, 3, seed=len(model))
    for ours, theirs in zip(run_c(graph, files, samples), run_litert(model, samples), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=str(cases))


@FEW
@given(many(tables_of_int16()))
def test_table_of_int16(cases: list[Case]) -> None:
    check_tables(cases)


@FEW
@given(many(tables()))
def test_table(cases: list[Case]) -> None:
    check_tables(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(tables()))
def test_thousands_of_table(cases: list[Case]) -> None:
    check_tables(cases)


@pytest.mark.parametrize(
    ("dtype", "shape", "lengths", "axes", "words"),
    [
        ("int8", (2, 4), [1, 2], (1, 0), "LiteRT has no kernel for int8"),
        ("int16", (2, 4), [1, 5], (1, 0), "of 4 steps"),
        ("int16", (2, 4), [1], (1, 0), "1 lengths for axis 0"),
        ("int16", (4, 2), [1, 2], (0, 1), "2 sequences along axis 1"),
    ],
)
def test_sequences_that_are_not_turned_round(
    dtype: str, shape: tuple[int, ...], lengths: list[int], axes: tuple[int, int], words: str
) -> None:
    b = ModelBuilder()
    output = b.tensor(shape, dtype, scale=0.1)
    options = schema.ReverseSequenceOptionsT()
    options.seqDim, options.batchDim = axes
    b.op("REVERSE_SEQUENCE", [b.input(shape, dtype=dtype, scale=0.1), b.ints(lengths)], [output], options)
    b.output(output)
    with pytest.raises(EdgePruneError, match=words):
        read_tflite(b.build())


def test_without_what_it_picks_from_it_is_refused() -> None:
    model = ModelBuilder()
    indices = model.input((2,), dtype="int32")
    data = model.input((4, 3), scale=0.1)
    output = model.tensor((2, 3), scale=0.1)
    model.op("GATHER", [data, indices], [output], schema.GatherOptionsT())
    model.output(output)
    graph = read_tflite(model.build())
    (op,) = graph.ops
    graph = graph.with_ops((replace(op, inputs=(-1, op.inputs[1])),))
    with pytest.raises(EdgePruneError, match="input 0 is missing"):
        lower(graph, Isa.REF, Optimize.BALANCED)
