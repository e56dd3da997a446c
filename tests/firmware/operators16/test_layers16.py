"""Layers with weights, int16 activations: convolutions of all kinds, dense layers, products of activations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from tests.firmware.cases import FEW, MANY, Case, check, many
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators import test_batch_matmul, test_conv2d, test_dense, test_transpose_conv
from tests.firmware.widened import wide

LAYERS = (
    test_conv2d.convolutions(depthwise=False),
    test_conv2d.convolutions(depthwise=True),
    test_transpose_conv.transposed(),
    test_dense.dense_layers(),
    test_batch_matmul.products(),
)


def is_defined(case: Case) -> bool:
    """Not refused for sums that leave int32, which LiteRT's scaling does not define."""
    builder = ModelBuilder()
    case.add(builder)
    try:
        lower(read_tflite(builder.build()), Isa.REF, Optimize.SPEED)
    except UnsupportedOp as refusal:
        if "LiteRT's are undefined" not in refusal.message:
            raise
        return False
    return True


@FEW
@given(many(wide(st.one_of(*LAYERS))))
def test_layers16(cases: list[Case]) -> None:
    defined = [case for case in cases if is_defined(case)]
    assert 2 * len(defined) > len(cases)
    check(defined)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(wide(st.one_of(*LAYERS))))
def test_thousands_of_layers16(cases: list[Case]) -> None:
    defined = [case for case in cases if is_defined(case)]
    assert 2 * len(defined) > len(cases)
    check(defined)
