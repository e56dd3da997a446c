"""CONV_2D and DEPTHWISE_CONV_2D on random shapes, strides, dilations, pads, groups, scales, activations; int4 too."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import ACTIVATIONS, FEW, MANY, PADDINGS, SCALES, SEEDS, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder


def window_out(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    span = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == schema.Padding.SAME else (size - span) // stride + 1


def add_weights(
    b: ModelBuilder,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    axis: int,
    per_channel: bool,
    in_scale: float,
    dtype: str,
) -> tuple[int, int, np.ndarray]:
    """(weights, bias, weight scales)."""
    out_c, limit = shape[axis], 7 if dtype == "int4" else 127
    scales = np.float32(rng.uniform(0.002, 0.05, out_c if per_channel else 1))
    weights = b.tensor(shape, dtype, scales, axis=axis, data=rng.integers(-limit, limit + 1, shape))
    bias_scale = np.float32(in_scale) * scales
    bias = b.tensor((out_c,), "int32", bias_scale, data=rng.integers(-3000, 3000, out_c))
    return weights, bias, scales


@st.composite
def convolutions(draw: st.DrawFn, depthwise: bool) -> Case:
    size = [draw(st.integers(1, 9)), draw(st.integers(1, 9))]
    kernel = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    stride = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    dilation = [draw(st.integers(1, 3)), draw(st.integers(1, 3))] if draw(st.booleans()) else [1, 1]
    padding = draw(PADDINGS)
    if padding == schema.Padding.VALID:
        size = [max(s, (k - 1) * d + 1) for s, k, d in zip(size, kernel, dilation, strict=True)]
    groups = 1 if depthwise else draw(st.sampled_from([1, 1, 1, 2, 3]))
    in_c = groups * draw(st.integers(1, 6))
    out_c = in_c * draw(st.integers(1, 3)) if depthwise else groups * draw(st.integers(1, 6))
    batch = draw(st.sampled_from([1, 1, 1, 2]))
    activation, per_channel = draw(ACTIVATIONS), draw(st.booleans())
    dtype = draw(st.sampled_from(["int8", "int8", "int4"]))
    in_scale, in_zero, out_zero, spread, seed = (
        draw(SCALES),
        draw(ZEROS),
        draw(ZEROS),
        draw(st.floats(-3, 7)),
        draw(SEEDS),
    )
    out = [window_out(s, k, t, d, padding) for s, k, t, d in zip(size, kernel, stride, dilation, strict=True)]

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        image = b.input((batch, *size, in_c), scale=in_scale, zero=in_zero)
        shape, axis = ((1, *kernel, out_c), 3) if depthwise else ((out_c, *kernel, in_c // groups), 0)
        weights, bias, scales = add_weights(b, rng, shape, axis, per_channel, in_scale, dtype)
        out_scale = float(np.float32(in_scale * scales.mean() * 2**spread))
        output = b.tensor((batch, *out, out_c), scale=out_scale, zero=out_zero)
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.padding, options.fusedActivationFunction = padding, activation
        options.strideH, options.strideW = stride
        options.dilationHFactor, options.dilationWFactor = dilation
        if depthwise:
            options.depthMultiplier = out_c // in_c
        b.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [image, weights, bias], [output], options)
        b.output(output)

    return Case(f"{batch}x{size}x{in_c} k{kernel} s{stride} d{dilation} p{padding} g{groups} -> {out_c} {dtype}", add)


@FEW
@given(many(convolutions(depthwise=False)))
def test_conv2d(cases: list[Case]) -> None:
    check(cases)


@FEW
@given(many(convolutions(depthwise=True)))
def test_depthwise(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(convolutions(depthwise=False)))
def test_thousands_of_conv2d(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(convolutions(depthwise=True)))
def test_thousands_of_depthwise(cases: list[Case]) -> None:
    check(cases)
