"""FULLY_CONNECTED on random shapes, scales, activations; per tensor and per channel, int4 too."""

from __future__ import annotations

import shutil

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
from tests.firmware.cases import ACTIVATIONS, FEW, MANY, SAMPLES, SCALES, SEEDS, ZEROS, Case, check, many
from tests.firmware.host_engine import IDENTITY, assert_same_bytes, random_samples, run_litert
from tests.firmware.one_op import ModelBuilder


@st.composite
def dense_layers(draw: st.DrawFn) -> Case:
    lead = draw(st.sampled_from([(1,), (1,), (3,), (1, 2), (2, 1, 2)]))
    in_len, out_len = draw(st.integers(1, 40)), draw(st.integers(1, 20))
    activation, per_channel, with_bias = draw(ACTIVATIONS), draw(st.booleans()), draw(st.booleans())
    dtype = draw(st.sampled_from(["int8", "int8", "int4"]))
    in_scale, in_zero, out_zero, spread, seed = (
        draw(SCALES),
        draw(ZEROS),
        draw(ZEROS),
        draw(st.floats(-3, 7)),
        draw(SEEDS),
    )
    keep = len(lead) > 1

    def add(b: ModelBuilder) -> None:
        rng, limit = np.random.default_rng(seed), 7 if dtype == "int4" else 127
        data = b.input((*lead, in_len), scale=in_scale, zero=in_zero)
        scales = np.float32(rng.uniform(0.002, 0.05, out_len if per_channel else 1))
        weights = b.tensor((out_len, in_len), dtype, scales, data=rng.integers(-limit, limit + 1, (out_len, in_len)))
        bias = b.tensor((out_len,), "int32", np.float32(in_scale) * scales, data=rng.integers(-3000, 3000, out_len))
        out_scale = float(np.float32(in_scale * scales.mean() * 2**spread))
        output = b.tensor((*lead, out_len), scale=out_scale, zero=out_zero)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction, options.keepNumDims = activation, keep
        b.op("FULLY_CONNECTED", [data, weights, bias] if with_bias else [data, weights, -1], [output], options)
        b.output(output)

    return Case(f"{lead}x{in_len} -> {out_len} {dtype} per_channel={per_channel} bias={with_bias}", add)


@FEW
@given(many(dense_layers()))
def test_dense(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(dense_layers()))
def test_thousands_of_dense(cases: list[Case]) -> None:
    check(cases)


def _exact_halves(b: ModelBuilder, dtype: str, halvings: int) -> None:
    """A factor of 1/2, 1/4, 1/8: many sums lie exactly between two outputs."""
    rng = np.random.default_rng(halvings)
    data = b.input((4, 7), scale=1.0, zero=26)
    weights = b.tensor((11, 7), dtype, np.float32([0.5]), data=rng.integers(-7, 8, (11, 7)))
    bias = b.tensor((11,), "int32", np.float32([0.5]), data=rng.integers(-300, 300, 11))
    output = b.tensor((4, 11), scale=0.5 * 2**halvings, zero=21)
    b.op("FULLY_CONNECTED", [data, weights, bias], [output], schema.FullyConnectedOptionsT())
    b.output(output)


def _near_halves(b: ModelBuilder, dtype: str) -> None:
    """Just under 1/16, where float32 products of the scales make exactly 1/16 and halves of what are none."""
    rng = np.random.default_rng(0)
    data = b.input((4, 7), scale=0.118432045, zero=-3)
    weights = b.tensor((200, 7), dtype, np.float32([0.04146636]), data=rng.integers(-7, 8, (200, 7)))
    bias = b.tensor((200,), "int32", np.float32([0.118432045 * 0.04146636]), data=8 * rng.integers(-120, 120, 200))
    output = b.tensor((4, 200), scale=0.078575134, zero=0)
    b.op("FULLY_CONNECTED", [data, weights, bias], [output], schema.FullyConnectedOptionsT())
    b.output(output)


def _model_of_halves() -> bytes:
    builder = ModelBuilder()
    for dtype in ("int8", "int4"):
        for halvings in (1, 2, 3):
            _exact_halves(builder, dtype, halvings)
        _near_halves(builder, dtype)
    return builder.build()


@pytest.mark.parametrize("isa", [Isa.REF, Isa.SCALAR, Isa.DSP])
def test_halves(isa: Isa) -> None:
    model = _model_of_halves()
    assert_same_bytes(model, random_samples(model, SAMPLES, seed=1), isa=isa)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_halves_by_vector_instructions() -> None:
    model = _model_of_halves()
    samples, graph = random_samples(model, SAMPLES, seed=1), read_tflite(model)
    calls = lower(graph, Isa.MVE, Optimize.SPEED)
    assert any(call.function == "ep_dense_mve" for call in calls)
    found = run_on_board("mps3-an547", emit(graph, calls, make_plan(graph, calls), IDENTITY), calls, samples)
    assert found == [b"".join(output.tobytes() for output in outputs) for outputs in run_litert(model, samples)]
