"""SVDF on random sizes; its memory over inferences."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.cases import FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many
from tests.firmware.host_engine import assert_same_bytes, random_samples
from tests.firmware.one_op import ModelBuilder


@st.composite
def svdfs(draw: st.DrawFn) -> Case:
    batch, in_len, units = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 10)), draw(st.integers(1, 6))
    rank, memory_len = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    in_scale, in_zero, out_zero, seed = draw(SCALES), draw(ZEROS), draw(ZEROS), draw(SEEDS)
    spread, largest = draw(st.floats(-2, 4)), draw(st.sampled_from([127, 127, 40]))

    def add(b: ModelBuilder) -> None:
        rng, filters = np.random.default_rng(seed), units * rank
        data = b.input((batch, in_len), scale=in_scale, zero=in_zero)
        feature_scale, time_scale = float(rng.uniform(0.002, 0.03)), 2.0**-15
        features = b.tensor(
            (filters, in_len), scale=feature_scale, data=rng.integers(-largest, largest + 1, (filters, in_len))
        )
        times = b.tensor(
            (filters, memory_len), "int16", time_scale, data=rng.integers(-4000, 4000, (filters, memory_len))
        )
        memory_scale = in_scale * feature_scale * 2 ** float(rng.uniform(-5, 1))
        bias = b.tensor((units,), "int32", memory_scale * time_scale, data=rng.integers(-(2**20), 2**20, units))
        memory = b.tensor((batch, filters * memory_len), "int16", memory_scale, is_variable=True)
        output = b.tensor((batch, units), scale=memory_scale * time_scale * 2 ** (20 + spread), zero=out_zero)
        options = schema.SVDFOptionsT()
        options.rank, options.fusedActivationFunction = rank, schema.ActivationFunctionType.RELU
        b.op("SVDF", [data, features, times, bias, memory], [output], options)
        b.output(output)

    return Case(f"{batch}x{in_len} -> {units} rank {rank} memory {memory_len}", add)


@FEW
@given(many(svdfs()))
def test_svdf(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.parametrize("isa", [Isa.SCALAR, Isa.DSP])
@settings(parent=FEW, max_examples=1)
@given(cases=many(svdfs()))
def test_svdf_by_blocks_of_filters(isa: Isa, cases: list[Case]) -> None:
    """Eight or six filters at a time, as plain C on this machine."""
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    assert all(call.function == f"ep_svdf_{isa}" for call in lower(read_tflite(model), isa, Optimize.SPEED))
    assert_same_bytes(model, random_samples(model, 3, seed=1), isa=isa)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(svdfs()))
def test_thousands_of_svdfs(cases: list[Case]) -> None:
    check(cases)
