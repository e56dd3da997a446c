"""Recurrent layers that Keras unrolled, whose states of zeros may have no scale; layers and curves of constants."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.constant_inputs import with_constants_in_arena
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import OpKind
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c, run_litert
from tests.firmware.one_op import ModelBuilder


def _first_step(dtype: str, state_scale: float, out_scale: float, zero: int) -> bytes:
    """Gates of a state of zeros and an input, cut, added, multiplied with the state."""
    b, rng = ModelBuilder(), np.random.default_rng(0)
    data = b.input((1, 10), dtype=dtype, scale=0.02)
    state = b.tensor((1, 4), dtype, scale=state_scale, zero=zero, data=np.full((1, 4), zero))

    def dense(source: int, length: int, scale: float, out_zero: int) -> int:
        weights = b.tensor((8, length), scale=0.004, data=rng.integers(-127, 128, (8, length)))
        output = b.tensor((1, 8), dtype, scale=scale, zero=out_zero)
        b.op("FULLY_CONNECTED", [source, weights, -1], [output], schema.FullyConnectedOptionsT())
        return output

    halves = []
    for gates, scale in ((dense(state, 4, out_scale, 0), out_scale), (dense(data, 10, 0.01, 0), 0.01)):
        halves.append([b.tensor((1, 4), dtype, scale=scale) for _ in "zr"])
        options = schema.SplitOptionsT()
        options.numSplits = 2
        b.op("SPLIT", [b.ints(1), gates], halves[-1], options)
    kept, shown = b.tensor((1, 4), dtype, scale=0.02), b.tensor((1, 4), dtype, scale=0.01)
    for kind, options, inputs, output in (
        ("ADD", schema.AddOptionsT(), [halves[0][0], halves[1][0]], kept),
        ("MUL", schema.MulOptionsT(), [halves[1][1], state], shown),
    ):
        b.op(kind, inputs, [output], options)
    both = b.tensor((1, 4), dtype, scale=0.02)
    b.op("ADD", [kept, shown], [both], schema.AddOptionsT())
    b.output(both)
    return b.build()


@pytest.mark.parametrize("isa", [Isa.REF, Isa.SCALAR, Isa.DSP])
@pytest.mark.parametrize(
    ("dtype", "state_scale", "out_scale", "zero"),
    [("int8", 7.8e-9, 7.8e-9, 0), ("int8", 0.01, 0.02, -5), ("int16", 0.0, 3.6e-43, 0), ("int16", 0.001, 0.002, 0)],
)
def test_a_first_step(isa: Isa, dtype: str, state_scale: float, out_scale: float, zero: int) -> None:
    model = _first_step(dtype, state_scale, out_scale, zero)
    graph = clean(read_tflite(model))
    assert [op.kind for op in graph.ops].count(OpKind.FULLY_CONNECTED) == 1  # of the state nothing is left
    assert OpKind.MUL not in [op.kind for op in graph.ops]
    calls, samples = lower(graph, isa, Optimize.SPEED), random_samples(model, 3, seed=0)
    plan = place_disjoint(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


CONSTANT = np.arange(-12, 12).reshape(4, 6)
PICKED = np.array([3, 0])


def _parts(b: ModelBuilder, held: int, kind: str) -> list[int]:
    """Of the constant `held`, moved by one operator; each is (2, 6)."""
    count = 2 if kind == "SPLIT_V" else 1
    parts = [b.tensor((2, 6), scale=0.05) for _ in range(count)]
    axis, sizes, gather = b.ints(0), b.ints([2, 2]), schema.GatherOptionsT()
    if kind == "SPLIT_V":
        options = schema.SplitVOptionsT()
        options.numSplits = 2
        b.op(kind, [held, sizes, axis], parts, options)
    elif kind == "GATHER":
        b.op(kind, [held, b.ints(PICKED)], parts, gather)
    elif kind == "SLICE":
        b.op(kind, [held, b.ints([1, 0]), b.ints([2, -1])], parts, schema.SliceOptionsT())
    elif kind == "TILE":
        b.op(kind, [held, b.ints([2, 1])], parts, schema.TileOptionsT())
    return parts


@pytest.mark.parametrize("kind", ["SPLIT_V", "GATHER", "SLICE", "TILE"])
def test_what_only_moves_a_constant_is_no_operator(kind: str) -> None:
    b = ModelBuilder()
    data = b.input((2, 6), scale=0.05)
    again, held = b.tensor((1, 6), scale=0.05, data=CONSTANT[:1]), b.tensor((4, 6), scale=0.05, data=CONSTANT)
    parts = _parts(b, again if kind == "TILE" else held, kind)
    for part in parts:
        total = b.tensor((2, 6), scale=0.05)
        b.op("ADD", [data, part], [total], schema.AddOptionsT())
        b.output(total)
    model = b.build()
    graph = clean(read_tflite(model))
    assert {op.kind for op in graph.ops} == {OpKind.ADD}
    calls, samples = lower(graph, Isa.REF, Optimize.SPEED), random_samples(model, 2, seed=1)
    plan = place_disjoint(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("isa", [Isa.REF, Isa.SCALAR, Isa.DSP])
def test_layers_and_curves_of_constants(isa: Isa) -> None:
    b, rng = ModelBuilder(), np.random.default_rng(0)
    data = b.input((1, 6), scale=0.05, zero=3)
    query = b.tensor((1, 10), scale=0.02, zero=4, data=rng.integers(-128, 128, (1, 10)))
    weights = b.tensor((6, 10), scale=0.004, data=rng.integers(-127, 128, (6, 10)))
    made, curve = b.tensor((1, 6), scale=0.02, zero=-7), b.tensor((1, 6), scale=1 / 256, zero=-128)
    table = b.tensor((1, 6), scale=0.05, data=rng.integers(-128, 128, (1, 6)))
    b.op("FULLY_CONNECTED", [query, weights, -1], [made], schema.FullyConnectedOptionsT())
    b.op("LOGISTIC", [table], [curve])
    total, product = b.tensor((1, 6), scale=0.05), b.tensor((1, 6), scale=0.03)
    b.op("ADD", [data, made], [total], schema.AddOptionsT())
    b.op("MUL", [total, curve], [product], schema.MulOptionsT())
    b.output(product)
    model = b.build()
    graph, samples = with_constants_in_arena(clean(read_tflite(model))), random_samples(model, 3, seed=0)
    calls = lower(graph, isa, Optimize.SPEED)
    plan = place_disjoint(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize(
    ("kind", "constant", "output"),
    [("SPLIT", (1, 7), (1, 6)), ("SPLIT", (1, 12), (1, 5)), ("UNPACK", (2, 6), (1, 5)), ("RESHAPE", (1, 12), (1, 6)),
     ("TRANSPOSE", (6, 2), (1, 6)), ("STRIDED_SLICE", (1, 12), (1, 6))],
)  # fmt: skip
def test_constants_that_are_cut_wrongly_are_refused_in_words(
    kind: str, constant: tuple[int, int], output: tuple[int, int]
) -> None:
    b = ModelBuilder()
    data, held = b.input(output, scale=0.05), b.tensor(constant, scale=0.05, data=np.ones(constant))
    parts = [b.tensor(output, scale=0.05) for _ in range(2 if kind in ("SPLIT", "UNPACK") else 1)]
    inputs, options = {
        "SPLIT": ([b.ints(1), held], schema.SplitOptionsT()),
        "UNPACK": ([held], schema.UnpackOptionsT()),
        "RESHAPE": ([held, b.ints(output)], schema.ReshapeOptionsT()),
        "TRANSPOSE": ([held, b.ints([1, 0])], schema.TransposeOptionsT()),
        "STRIDED_SLICE": ([held, b.ints([0, 0]), b.ints([1, 5]), b.ints([1, 1])], schema.StridedSliceOptionsT()),
    }[kind]
    if kind == "SPLIT":
        options.numSplits = 2
    if kind == "UNPACK":
        options.num = 2
    b.op(kind, inputs, parts, options)
    total = b.tensor(output, scale=0.05)
    b.op("ADD", [data, parts[0]], [total], schema.AddOptionsT())
    b.output(total)
    with pytest.raises(ModelError, match=f"{kind} .*: constants of") as refused:
        clean(read_tflite(b.build()))
    assert refused.value.hint
