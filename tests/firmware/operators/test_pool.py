"""AVERAGE_POOL_2D and MAX_POOL_2D on random windows."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import ACTIVATIONS, FEW, MANY, PADDINGS, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators.test_conv2d import window_out


@st.composite
def pools(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    kernel = [draw(st.integers(1, 5)), draw(st.integers(1, 5))]
    stride = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    padding = draw(PADDINGS)
    least = kernel if padding == schema.Padding.VALID else [1, 1]
    size = [draw(st.integers(low, 10)) for low in least]
    batch, channels = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 6))
    activation, scale, zero = draw(ACTIVATIONS), draw(SCALES), draw(ZEROS)
    out = [window_out(s, k, t, 1, padding) for s, k, t in zip(size, kernel, stride, strict=True)]

    def add(b: ModelBuilder) -> None:
        image = b.input((batch, *size, channels), scale=scale, zero=zero)
        output = b.tensor((batch, *out, channels), scale=scale, zero=zero)
        options = schema.Pool2DOptionsT()
        options.padding, options.fusedActivationFunction = padding, activation
        options.filterHeight, options.filterWidth = kernel
        options.strideH, options.strideW = stride
        b.op(kind, [image], [output], options)
        b.output(output)

    return Case(f"{kind} {batch}x{size}x{channels} k{kernel} s{stride} p{padding}", add)


@FEW
@given(many(pools()))
def test_pool(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(pools()))
def test_thousands_of_pools(cases: list[Case]) -> None:
    check(cases)
