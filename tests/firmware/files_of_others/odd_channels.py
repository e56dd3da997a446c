"""Layers as trained files have them: some channels dead, some with sums that leave int32, some with odd factors."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.one_op import ModelBuilder

KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_IN_SCALE = 0.05


def odd_layers(seed: int, count: int, kinds: tuple[str, ...] = KINDS) -> bytes:
    """`count` layers side by side, their kinds in turn."""
    rng, model = np.random.default_rng(seed), ModelBuilder()
    for index in range(count):
        add_odd_layer(model, rng, kinds[index % len(kinds)])
    return model.build()


def add_odd_layer(model: ModelBuilder, rng: np.random.Generator, kind: str, share: float = 0.25) -> None:
    """`share`: of the channels, about, that are odd in some way."""
    h, w, kernel = int(rng.integers(4, 9)), int(rng.integers(4, 9)), int(rng.integers(1, 4))
    in_c, out_c = int(rng.integers(1, 9)), int(rng.integers(2, 20))
    activation = int(rng.choice([0, 1, 3]))
    x = model.input((1, h, w, in_c), scale=_IN_SCALE, zero=int(rng.integers(-128, 128)))
    shape: tuple[int, ...] = (1, h, w, out_c)
    if kind == "DEPTHWISE_CONV_2D":
        multiplier = int(rng.integers(1, 3))
        out_c = in_c * multiplier
        shape, weights, axis = (1, h, w, out_c), (1, kernel, kernel, out_c), 3
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = multiplier
    elif kind == "FULLY_CONNECTED":
        weights, axis, options = (out_c, in_c), 0, schema.FullyConnectedOptionsT()
        options.keepNumDims = True
    else:
        weights, axis = (out_c, kernel, kernel, in_c), 0
        options = schema.Conv2DOptionsT() if kind == "CONV_2D" else schema.TransposeConvOptionsT()
    if kind != "FULLY_CONNECTED":
        options.strideH = options.strideW = 1
        options.padding = schema.Padding.SAME
    options.fusedActivationFunction = activation
    scales, bias = _odd_scales(rng, out_c, share)
    values = np.clip(np.round(rng.normal(0, 40, weights)), -127, 127)
    if rng.random() < 0.2:
        values[values == -127] = -128
        values.flat[0] = -128
    data = model.tensor(weights, scale=scales, axis=axis, data=values)
    b = model.tensor((out_c,), "int32", scale=[_IN_SCALE * s for s in scales], data=bias)
    y = model.tensor(
        shape, scale=float(rng.uniform(0.05, 0.3)), zero=-128 if activation else int(rng.integers(-99, 99))
    )
    inputs = [model.ints(shape), data, x, b] if kind == "TRANSPOSE_CONV" else [x, data, b]
    model.op(kind, inputs, [y], options)
    model.output(y)


def _odd_scales(rng: np.random.Generator, channels: int, share: float) -> tuple[list[float], np.ndarray]:
    """Weight scales and biases: usual ones, dead, wrapping, nearly wrapping, and with a factor of one and more."""
    scales = np.float32(rng.uniform(0.005, 0.02, channels))
    bias = rng.integers(-3000, 3000, channels)
    odd = np.where(rng.random(channels) < share, rng.integers(1, 6, channels), 0)
    scales = np.where(odd == 1, np.float32(1e-12), scales)
    bias = np.where(odd == 1, rng.choice([-1, 1], channels) * ((1 << 30) + rng.integers(-99, 99, channels)), bias)
    scales = np.where(odd == 2, np.float32(rng.uniform(1e-9, 1e-7, channels)), scales)
    bias = np.where(odd == 2, rng.choice([-1, 1], channels) * ((1 << 31) - rng.integers(1, 30_000, channels)), bias)
    scales = np.where(odd == 3, np.float32(rng.uniform(1e-8, 1e-7, channels)), scales)
    bias = np.where(odd == 3, rng.choice([-1, 1], channels) * rng.integers(1 << 27, 1 << 31, channels), bias)
    scales = np.where(odd == 4, np.float32(rng.uniform(2, 30, channels)), scales)
    bias = np.where(odd == 4, rng.integers(-20, 20, channels), bias)
    bias = np.where(odd == 5, rng.choice([-1, 1], channels) * (1 << 24), bias)
    return scales.tolist(), bias
