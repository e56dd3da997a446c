"""TRANSPOSE_CONV on random shapes, strides, pads."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, PADDINGS, SCALES, SEEDS, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators.test_conv2d import add_weights


@st.composite
def transposed(draw: st.DrawFn) -> Case:
    size, kernel = [draw(st.integers(1, 6)) for _ in range(2)], [draw(st.integers(1, 4)) for _ in range(2)]
    stride, padding = [draw(st.integers(1, 3)) for _ in range(2)], draw(PADDINGS)
    in_c, out_c, batch = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 1, 2]))
    per_channel, with_bias = draw(st.booleans()), draw(st.booleans())
    in_scale, in_zero, out_zero, seed = draw(SCALES), draw(ZEROS), draw(ZEROS), draw(SEEDS)
    spread = draw(st.floats(-3, 7))
    if padding == schema.Padding.SAME:
        out = [s * t for s, t in zip(size, stride, strict=True)]
    else:
        out = [(s - 1) * t + k for s, t, k in zip(size, stride, kernel, strict=True)]

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        image = b.input((batch, *size, in_c), scale=in_scale, zero=in_zero)
        weights, bias, scales = add_weights(b, rng, (out_c, *kernel, in_c), 0, per_channel, in_scale, "int8")
        out_scale = float(np.float32(in_scale * scales.mean() * 2**spread))
        output = b.tensor((batch, *out, out_c), scale=out_scale, zero=out_zero)
        options = schema.TransposeConvOptionsT()
        options.padding = padding
        options.strideH, options.strideW = stride
        shape = b.ints([batch, *out, out_c])
        b.op("TRANSPOSE_CONV", [shape, weights, image, *([bias] if with_bias else [])], [output], options)
        b.output(output)

    return Case(f"{batch}x{size}x{in_c} k{kernel} s{stride} p{padding} -> {out}x{out_c}", add)


@FEW
@given(many(transposed()))
def test_transpose_conv(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(transposed()))
def test_thousands_of_transpose_conv(cases: list[Case]) -> None:
    check(cases)
