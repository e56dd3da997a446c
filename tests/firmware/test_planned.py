"""All kinds of operators in one model, cleaned, and placed by the planner: outputs run into inputs that die there."""

from __future__ import annotations

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
from tests.firmware.cases import FEW, MANY, SAMPLES, Case, many
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators.test_arg_max import maxima
from tests.firmware.operators.test_batch_matmul import products
from tests.firmware.operators.test_conv2d import convolutions
from tests.firmware.operators.test_copy import moves
from tests.firmware.operators.test_dense import dense_layers
from tests.firmware.operators.test_elementwise import pairs
from tests.firmware.operators.test_gather import gathers
from tests.firmware.operators.test_lookup import functions
from tests.firmware.operators.test_lstm import lstms
from tests.firmware.operators.test_pool import pools
from tests.firmware.operators.test_quantize import float_ends
from tests.firmware.operators.test_reduce import reductions
from tests.firmware.operators.test_resize import resizes
from tests.firmware.operators.test_softmax import softmaxes
from tests.firmware.operators.test_svdf import svdfs
from tests.firmware.operators.test_transpose_conv import transposed
from tests.firmware.widened import wide

INT8 = st.one_of(
    convolutions(depthwise=False), convolutions(depthwise=True), transposed(), dense_layers(), products(), pools(),
    pairs(), functions(), reductions(), softmaxes(), moves(), gathers(), resizes(), maxima(), float_ends(),
    lstms(), svdfs(),
)  # fmt: skip
ALL = st.one_of(INT8, wide(INT8))


def check_planned(cases: list[Case], isa: Isa) -> None:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    samples = random_samples(model, SAMPLES, seed=len(model))
    expected = run_litert(model, samples)
    graph = clean(read_tflite(model))
    calls = lower(graph, isa, Optimize.BALANCED)
    files = emit(graph, calls, make_plan(graph, calls), IDENTITY)
    for ours, theirs in zip(run_c(graph, files, samples), expected, strict=True):
        for case, a, b in zip(range(len(theirs)), ours, theirs, strict=True):
            assert a.tobytes() == b.tobytes(), f"output {case}"


@FEW
@given(many(ALL))
def test_plain_kernels_in_a_tight_arena(cases: list[Case]) -> None:
    check_planned(cases, Isa.REF)


@FEW
@given(many(ALL))
def test_dsp_kernels_in_a_tight_arena(cases: list[Case]) -> None:
    check_planned(cases, Isa.DSP)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("isa", [Isa.REF, Isa.DSP])
def test_thousands_in_tight_arenas(isa: Isa) -> None:
    @MANY
    @given(many(ALL))
    def check(cases: list[Case]) -> None:
        check_planned(cases, isa)

    check()
