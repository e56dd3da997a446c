"""Random layers of the kinds that have fast kernels, many side by side in one model."""

from __future__ import annotations

from collections.abc import Sequence

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


def _some_light(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Sometimes with a few rows of small weights among the others, or only a few that are not small."""
    share = rng.choice([0.0, 0.1, 0.5, 0.9])
    light = rng.random(len(values)) < share
    return np.where(light[:, None], np.sign(values) * (np.abs(values) > 60), values)


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


def add_pieces(model: ModelBuilder, rng: np.random.Generator) -> None:
    """A convolution with groups, dilation, one output channel or few pixels, or all of it."""
    kernel = (_pick(rng, 1, 4), _pick(rng, 1, 4))
    stride = (_pick(rng, 1, 3), _pick(rng, 1, 3))
    dilation = (1, 1) if rng.random() < 0.5 else (_pick(rng, 1, 3), _pick(rng, 1, 3))
    groups = int(rng.choice([1, 1, 2, 3, 5]))
    in_c, out_c = groups * _pick(rng, 1, 9), groups * int(rng.choice([1, 2, 3, 8]))
    spans = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    same = rng.random() < 0.6
    size = [_pick(rng, 1 if same else span, span + 11) for span in spans]
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, kernel[0] * kernel[1] * in_c // groups, out_c, activation)
    out = [
        -(-length // step) if same else (length - span) // step + 1
        for length, step, span in zip(size, stride, spans, strict=True)
    ]
    shape = (out_c, *kernel, in_c // groups)
    x = model.input((1, *size, in_c), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor(shape, scale=q.weight_scale, data=_weights(rng, shape))
    b = model.tensor((out_c,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, *out, out_c), scale=q.out_scale, zero=q.out_zero)
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.fusedActivationFunction = activation
    model.op("CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_step(model: ModelBuilder, rng: np.random.Generator) -> None:
    """What a stream computes a step: a depthwise filter over the rows it kept, or a convolution of one pixel."""
    is_depthwise = bool(rng.random() < 0.5)
    taps, channels = _pick(rng, 1, 21 if is_depthwise else 5), _pick(rng, 1, 40)
    out_c = channels if is_depthwise else 2 * _pick(rng, 1, 20)
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, taps * (1 if is_depthwise else channels), out_c, activation)
    rows = taps + (_pick(rng, 0, 3) if is_depthwise else 0)
    shape = (1, taps, 1, channels) if is_depthwise else (out_c, taps, 1, channels)
    x = model.input((1, rows, 1, channels), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor(shape, scale=q.weight_scale, axis=3 if is_depthwise else 0, data=_weights(rng, shape))
    b = model.tensor((out_c,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, rows - taps + 1, 1, out_c), scale=q.out_scale, zero=q.out_zero)
    options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = activation
    if is_depthwise:
        options.depthMultiplier = 1
    model.op("DEPTHWISE_CONV_2D" if is_depthwise else "CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_transposed(model: ModelBuilder, rng: np.random.Generator) -> None:
    kernel = (_pick(rng, 1, 5), _pick(rng, 1, 5))
    stride = (_pick(rng, 1, 3), _pick(rng, 1, 3))
    size = (_pick(rng, 1, 7), _pick(rng, 1, 7))
    in_c, out_c = _pick(rng, 1, 9), _pick(rng, 1, 9)
    same = rng.random() < 0.6
    q = _Quantization(rng, kernel[0] * kernel[1] * in_c, out_c, schema.ActivationFunctionType.NONE)
    out = [n * s + (0 if same else max(k - s, 0)) for n, s, k in zip(size, stride, kernel, strict=True)]
    x = model.input((1, *size, in_c), scale=q.in_scale, zero=q.in_zero)
    shape = (out_c, *kernel, in_c)
    w = model.tensor(shape, scale=q.weight_scale, data=_weights(rng, shape))
    b = model.tensor((out_c,), "int32", scale=[q.in_scale * s for s in q.weight_scale], data=q.bias)
    y = model.tensor((1, *out, out_c), scale=q.out_scale, zero=q.out_zero)
    options = schema.TransposeConvOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH, options.strideW = stride
    model.op("TRANSPOSE_CONV", [model.ints((1, *out, out_c)), w, x, b], [y], options)
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


def add_window(model: ModelBuilder, rng: np.random.Generator) -> None:
    """A depthwise convolution of any window, stride, dilation and multiplier, often one row or column high."""
    kernel = (_pick(rng, 1, 8), _pick(rng, 1, 8))
    line = _pick(rng, 0, 3)
    if line < 2:
        long = _pick(rng, 2, 17)
        kernel = (long, 1) if line else (1, long)
    stride = (_pick(rng, 1, 3), _pick(rng, 1, 3))
    dilation = (1, 1) if rng.random() < 0.5 else (_pick(rng, 1, 4), _pick(rng, 1, 4))
    spans = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    same = rng.random() < 0.6
    size = [_pick(rng, 1 if same else span, span + 30 // (1 + line % 2)) for span in spans]
    channels, multiplier = _pick(rng, 1, 5), int(rng.choice([1, 1, 1, 2, 3]))
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, kernel[0] * kernel[1], channels * multiplier, activation)
    out = [
        -(-length // step) if same else (length - span) // step + 1
        for length, step, span in zip(size, stride, spans, strict=True)
    ]
    shape = (1, *kernel, channels * multiplier)
    x = model.input((1, *size, channels), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor(shape, scale=q.weight_scale, axis=3, data=_weights(rng, shape))
    bias_scale = [q.in_scale * s for s in q.weight_scale]
    b = model.tensor((shape[3],), "int32", scale=bias_scale, data=q.bias)
    y = model.tensor((1, *out, shape[3]), scale=q.out_scale, zero=q.out_zero)
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH, options.strideW = stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.depthMultiplier = multiplier
    options.fusedActivationFunction = activation
    model.op("DEPTHWISE_CONV_2D", [x, w, b], [y], options)
    model.output(y)


def add_dense(model: ModelBuilder, rng: np.random.Generator) -> None:
    rows = _pick(rng, 1, 3)
    in_len = _pick(rng, 1, 90) if rng.random() < 0.9 else _pick(rng, 2000, 3000)
    out_len = _pick(rng, 1, 64)
    activation = int(rng.choice(RELUS))
    q = _Quantization(rng, in_len, out_len if rng.random() < 0.5 else 1, activation)
    values = _some_light(rng, _weights(rng, (out_len, in_len)))
    x = model.input((rows, in_len), scale=q.in_scale, zero=q.in_zero)
    w = model.tensor((out_len, in_len), scale=q.weight_scale, data=values)
    bias_scale = [q.in_scale * s for s in q.weight_scale]
    b = model.tensor((out_len,), "int32", scale=bias_scale, data=rng.integers(-3000, 3000, out_len))
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
    "conv2d": add_conv2d, "square": add_square, "depthwise": add_depthwise, "window": add_window,
    "pieces": add_pieces, "transposed": add_transposed, "step": add_step,
    "dense": add_dense, "sum": add_sum, "mean": add_mean,
}  # fmt: skip


def random_model(kind: str | Sequence[str], count: int, seed: int) -> bytes:
    """`count` independent layers of one kind, or of several ("all" of them) in turn."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder()
    kinds = list(ADD) if kind == "all" else [kind] if isinstance(kind, str) else kind
    for index in range(count):
        ADD[kinds[index % len(kinds)]](model, rng)
    return model.build()
