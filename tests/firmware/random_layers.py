"""Random layers of the kinds that have fast kernels, many side by side in one model."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.one_op import ModelBuilder

RELUS = (
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU6,
)


def _pick(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Usual ones, sometimes all extreme, sometimes with channels that are nearly empty."""
    kind = _pick(rng, 0, 5)
    if kind == 0:
        return rng.choice([-127, 127], shape)
    values = np.clip(np.round(rng.normal(0, 40, shape)), -127, 127)
    if kind == 1:
        values[rng.random(shape) < 0.7] = 0
    return values


class _Quantization:
    """Scales such that outputs spread over the int8 range, the way calibration chooses them."""

    def __init__(self, rng: np.random.Generator, taps: int, out_c: int, activation: int):
        self.in_scale = float(rng.uniform(0.005, 0.1))
        self.in_zero = int(rng.choice([-128, 0, 127, _pick(rng, -128, 127)]))
        self.weight_scale = (rng.uniform(0.3, 1.0, out_c) * 0.01).tolist()
        spread = self.in_scale * 0.01 * 60 * 40 * np.sqrt(taps)
        self.out_scale = float(spread * rng.uniform(0.2, 1.5) / 60)
        relu = activation != schema.ActivationFunctionType.NONE
        self.out_zero = -128 if relu and rng.random() < 0.8 else _pick(rng, -100, 100)
        self.bias = rng.integers(-3000, 3000, out_c)


def add_conv2d(model: ModelBuilder, rng: np.random.Generator) -> None:
    kernel = (_pick(rng, 1, 4), _pick(rng, 1, 4)) if rng.random() < 0.6 else (1, 1)
    stride = _pick(rng, 1, 2)
    height, width = _pick(rng, kernel[0], 11), _pick(rng, kernel[1], 11)
    in_c, out_c = _pick(rng, 1, 24), _pick(rng, 1, 20)
    same = rng.random() < 0.6
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, kernel[0] * kernel[1] * in_c, out_c, activation)
    out = [
        -(-size // stride) if same else (size - k) // stride + 1
        for size, k in zip((height, width), kernel, strict=True)
    ]
    x = model.input((1, height, width, in_c), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor((out_c, *kernel, in_c), scale=q.weight_scale, data=_weights(rng, (out_c, *kernel, in_c)))
    b = model.tensor((out_c,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, *out, out_c), scale=q.out_scale, zero=q.out_zero)
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = activation
    model.op("CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_square(model: ModelBuilder, rng: np.random.Generator) -> None:
    """A 3x3 convolution with stride 1 and a border, of the sizes Winograd's filtering takes."""
    height, width = 4 * _pick(rng, 1, 3), 8 * _pick(rng, 1, 2)
    in_c, out_c = 4 * _pick(rng, 1, 10), 4 * _pick(rng, 1, 4)
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, 9 * in_c, out_c, activation)
    x = model.input((1, height, width, in_c), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor((out_c, 3, 3, in_c), scale=q.weight_scale, data=_weights(rng, (out_c, 3, 3, in_c)))
    b = model.tensor((out_c,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, height, width, out_c), scale=q.out_scale, zero=q.out_zero)
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = activation
    model.op("CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_depthwise(model: ModelBuilder, rng: np.random.Generator) -> None:
    stride = _pick(rng, 1, 2)
    height, width, channels = _pick(rng, 3, 26), _pick(rng, 3, 26), _pick(rng, 1, 9)
    same = rng.random() < 0.7
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, 9, channels, activation)
    out = [-(-size // stride) if same else (size - 3) // stride + 1 for size in (height, width)]
    x = model.input((1, height, width, channels), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor((1, 3, 3, channels), scale=q.weight_scale, axis=3, data=_weights(rng, (1, 3, 3, channels)))
    b = model.tensor((channels,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, *out, channels), scale=q.out_scale, zero=q.out_zero)
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH = options.strideW = stride
    options.dilationHFactor = options.dilationWFactor = options.depthMultiplier = 1
    options.fusedActivationFunction = activation
    model.op("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_dense(model: ModelBuilder, rng: np.random.Generator) -> None:
    rows = _pick(rng, 1, 3)
    in_len = _pick(rng, 1, 90) if rng.random() < 0.9 else _pick(rng, 2000, 3000)
    out_len = _pick(rng, 1, 40)
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, in_len, 1, activation)
    x = model.input((rows, in_len), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor((out_len, in_len), scale=q.weight_scale, data=_weights(rng, (out_len, in_len)))
    b = model.tensor((out_len,), "int32", scale=q.in_scale * q.weight_scale[0], data=rng.integers(-3000, 3000, out_len))
    y = model.tensor((rows, out_len), scale=q.out_scale, zero=q.out_zero)
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    model.op("FULLY_CONNECTED", [x, w, b], [y], options)
    model.output(y)


def add_sum(model: ModelBuilder, rng: np.random.Generator) -> None:
    shape = (1, _pick(rng, 1, 5), _pick(rng, 1, 5), _pick(rng, 1, 9))
    relu = rng.random() < 0.5
    a, b = (
        model.input(shape, scale=float(rng.uniform(0.01, 0.1)), zero=int(rng.choice([-128, 0, _pick(rng, -128, 127)])))
        for _ in range(2)
    )
    y = model.tensor(shape, scale=float(rng.uniform(0.02, 0.2)), zero=-128 if relu else _pick(rng, -128, 127))
    kind = "ADD" if rng.random() < 0.7 else "SUB"
    options = schema.AddOptionsT() if kind == "ADD" else schema.SubOptionsT()
    options.fusedActivationFunction = RELUS[0] if relu else schema.ActivationFunctionType.NONE
    model.op(kind, [a, b], [y], options)
    model.output(y)


def add_mean(model: ModelBuilder, rng: np.random.Generator) -> None:
    height, width, channels = _pick(rng, 1, 20), _pick(rng, 1, 20), _pick(rng, 1, 11)
    scale, zero = float(rng.uniform(0.01, 0.1)), int(rng.choice([-128, 0, 127, _pick(rng, -128, 127)]))
    x = model.input((1, height, width, channels), scale=scale, zero=zero)
    if rng.random() < 0.5:
        y = model.tensor((1, channels), scale=float(rng.uniform(0.005, 0.1)), zero=_pick(rng, -128, 127))
        options = schema.ReducerOptionsT()
        options.keepDims = False
        model.op("MEAN", [x, model.ints([1, 2])], [y], options)
    else:
        y = model.tensor((1, 1, 1, channels), scale=scale, zero=zero)
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = 1
        options.filterHeight, options.filterWidth = height, width
        options.fusedActivationFunction = int(rng.choice(RELUS))
        model.op("AVERAGE_POOL_2D", [x], [y], options)
    model.output(y)


ADD = {
    "conv2d": add_conv2d, "square": add_square, "depthwise": add_depthwise,
    "dense": add_dense, "sum": add_sum, "mean": add_mean,
}  # fmt: skip


def random_model(kind: str, count: int, seed: int) -> bytes:
    """`count` independent layers of one kind, or of all kinds in turn."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder()
    kinds = list(ADD) if kind == "all" else [kind]
    for index in range(count):
        ADD[kinds[index % len(kinds)]](model, rng)
    return model.build()
