"""Random int8 networks of many operators as `.tflite` files, full of what clean-up and planning work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.one_op import ModelBuilder

NONE, RELU, RELU6 = 0, 1, 3


@dataclass(frozen=True)
class Value:
    """An activation under construction: tensor index, shape, scale and zero point."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero: int


class NetBuilder:
    """Layers with scales that keep values alive: what comes out of one is spread over the int8 range."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.model = ModelBuilder()

    def input(self, *shape: int) -> Value:
        scale, zero = self._scale(), int(self.rng.integers(-20, 20))
        return Value(self.model.input(shape, scale=scale, zero=zero), shape, scale, zero)

    def new(self, shape: tuple[int, ...], scale: float, zero: int) -> Value:
        return Value(self.model.tensor(shape, scale=scale, zero=zero), shape, scale, zero)

    def like(self, value: Value, shape: tuple[int, ...] | None = None) -> Value:
        return self.new(value.shape if shape is None else shape, value.scale, value.zero)

    def _scale(self) -> float:
        return float(np.float32(self.rng.uniform(0.02, 0.06)))

    def conv(self, x: Value, out_c: int, kernel: int = 3, stride: int = 1, same: bool = True, act: int = RELU) -> Value:
        in_c = x.shape[3]
        options = schema.Conv2DOptionsT()
        return self._window("CONV_2D", options, x, (out_c, kernel, kernel, in_c), 0, out_c, stride, same, act)

    def depthwise(
        self, x: Value, kernel: int = 3, stride: int = 1, same: bool = True, act: int = RELU, multiplier: int = 1
    ) -> Value:
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = multiplier
        out_c = x.shape[3] * multiplier
        return self._window("DEPTHWISE_CONV_2D", options, x, (1, kernel, kernel, out_c), 3, out_c, stride, same, act)

    def _window(
        self, kind: str, options: object, x: Value, weights: tuple[int, ...], axis: int, out_c: int,
        stride: int, same: bool, act: int,
    ) -> Value:  # fmt: skip
        kernel = weights[1]
        options.strideH = options.strideW = stride  # type: ignore[attr-defined]
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID  # type: ignore[attr-defined]
        options.fusedActivationFunction = act  # type: ignore[attr-defined]
        sizes = [-(-s // stride) if same else (s - kernel) // stride + 1 for s in x.shape[1:3]]
        taps = int(np.prod(weights)) // out_c
        w, b, out_scale = self._weights(x, weights, axis, out_c, taps)
        out = self.new((1, *sizes, out_c), out_scale, int(self.rng.integers(-30, 30)) if act == NONE else -128)
        self.model.op(kind, [x.index, w, b], [out.index], options)
        return out

    def _weights(self, x: Value, shape: tuple[int, ...], axis: int, out_c: int, taps: int) -> tuple[int, int, float]:
        scales = np.float32(self.rng.uniform(0.005, 0.02, out_c))
        weights = self.model.tensor(shape, scale=scales, axis=axis, data=self.rng.integers(-127, 128, shape))
        bias = self.model.tensor((out_c,), "int32", np.float32(x.scale) * scales, data=self._bias(out_c))
        return weights, bias, float(np.float32(x.scale * 1.2 * np.sqrt(taps)))

    def _bias(self, out_c: int) -> np.ndarray:
        return self.rng.integers(-4000, 4000, out_c)

    def dense(self, x: Value, out_c: int) -> Value:
        w, b, scale = self._weights(x, (out_c, x.shape[1]), 0, out_c, x.shape[1])
        out = self.new((1, out_c), scale, int(self.rng.integers(-30, 30)))
        self.model.op("FULLY_CONNECTED", [x.index, w, b], [out.index], schema.FullyConnectedOptionsT())
        return out

    def add(self, a: Value, b: Value, act: int = NONE) -> Value:
        options = schema.AddOptionsT()
        options.fusedActivationFunction = act
        out = self.new(a.shape, float(np.float32(1.3 * max(a.scale, b.scale))), -128 if act else 3)
        self.model.op("ADD", [a.index, b.index], [out.index], options)
        return out

    def relu(self, x: Value, keeps_scale: bool = True, kind: str = "RELU") -> Value:
        out = self.like(x) if keeps_scale else self.new(x.shape, float(np.float32(x.scale / 1.7)), -128)
        self.model.op(kind, [x.index], [out.index])
        return out

    def pad(self, x: Value, borders: tuple[int, int, int, int], value: int | None = None) -> Value:
        top, bottom, left, right = borders
        _, h, w, c = x.shape
        out = self.like(x, (1, h + top + bottom, w + left + right, c))
        amounts = self.model.ints([[0, 0], [top, bottom], [left, right], [0, 0]])
        if value is None:
            self.model.op("PAD", [x.index, amounts], [out.index], schema.PadOptionsT())
        else:
            fill = self.model.tensor((), scale=x.scale, zero=x.zero, data=np.array(value))
            self.model.op("PADV2", [x.index, amounts, fill], [out.index], schema.PadV2OptionsT())
        return out

    def pool(self, x: Value, kind: str = "MAX_POOL_2D", kernel: int = 2, stride: int = 2, same: bool = False) -> Value:
        options = schema.Pool2DOptionsT()
        options.filterHeight = options.filterWidth = kernel
        options.strideH = options.strideW = stride
        options.padding = schema.Padding.SAME if same else schema.Padding.VALID
        sizes = [-(-s // stride) if same else (s - kernel) // stride + 1 for s in x.shape[1:3]]
        out = self.like(x, (1, *sizes, x.shape[3]))
        self.model.op(kind, [x.index], [out.index], options)
        return out

    def reshape(self, x: Value, *shape: int) -> Value:
        out = self.like(x, shape)
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        self.model.op("RESHAPE", [x.index, self.model.ints(shape)], [out.index], options)
        return out

    def mean(self, x: Value, *axes: int, keep: bool = True) -> Value:
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes)
        out = self.new(shape, float(np.float32(0.4 * x.scale)), 5)
        options = schema.ReducerOptionsT()
        options.keepDims = keep
        self.model.op("MEAN", [x.index, self.model.ints(axes)], [out.index], options)
        return out

    def transpose(self, x: Value, *permutation: int) -> Value:
        out = self.like(x, tuple(x.shape[axis] for axis in permutation))
        self.model.op("TRANSPOSE", [x.index, self.model.ints(permutation)], [out.index], schema.TransposeOptionsT())
        return out

    def requantize(self, x: Value, factor: float = 1.0) -> Value:
        out = self.new(x.shape, float(np.float32(x.scale * factor)), x.zero)
        self.model.op("QUANTIZE", [x.index], [out.index], schema.QuantizeOptionsT())
        return out

    def there_and_back(self, x: Value) -> Value:
        middle = self.model.tensor(x.shape, "float32")
        self.model.op("DEQUANTIZE", [x.index], [middle], schema.DequantizeOptionsT())
        out = self.like(x)
        self.model.op("QUANTIZE", [middle], [out.index], schema.QuantizeOptionsT())
        return out

    def concat(self, values: list[Value], axis: int) -> Value:
        """Values brought to one scale first."""
        same = [values[0], *(v if (v.scale, v.zero) == (values[0].scale, values[0].zero)
                             else self.requantize_to(v, values[0]) for v in values[1:])]  # fmt: skip
        shape = list(values[0].shape)
        shape[axis] = sum(v.shape[axis] for v in values)
        out = self.like(values[0], tuple(shape))
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        self.model.op("CONCATENATION", [v.index for v in same], [out.index], options)
        return out

    def requantize_to(self, x: Value, model: Value) -> Value:
        out = self.new(x.shape, model.scale, model.zero)
        self.model.op("QUANTIZE", [x.index], [out.index], schema.QuantizeOptionsT())
        return out

    def split(self, x: Value, axis: int, count: int) -> list[Value]:
        shape = list(x.shape)
        shape[axis] //= count
        outs = [self.like(x, tuple(shape)) for _ in range(count)]
        options = schema.SplitOptionsT()
        options.numSplits = count
        self.model.op("SPLIT", [self.model.ints(axis), x.index], [v.index for v in outs], options)
        return outs

    def dead_end(self, x: Value) -> None:
        self.pool(self.relu(x, keeps_scale=False))

    def build(self, *outputs: Value) -> bytes:
        self.model.output(*(value.index for value in outputs))
        return self.model.build()


def random_net(seed: int, layers: int = 8, kind: type[NetBuilder] = NetBuilder) -> bytes:
    """A convolutional net with residuals, branches, pads, views and activations in random places."""
    net = kind(seed)
    rng = net.rng
    x = net.input(1, int(rng.integers(4, 11)), int(rng.integers(4, 11)), int(rng.integers(1, 6)))

    def residual(x: Value) -> Value:
        return net.add(
            net.conv(net.conv(x, 4 + 2 * x.shape[3]), x.shape[3], 1, act=NONE), x, int(rng.choice([0, RELU]))
        )

    def padded(x: Value) -> Value:
        borders = tuple(int(n) for n in rng.integers(0, 3, 4))
        wide = net.pad(x, borders)  # type: ignore[arg-type]
        reader = net.conv(wide, 5, 3, int(rng.integers(1, 3)), same=False) if min(wide.shape[1:3]) >= 3 else wide
        return reader if rng.random() < 0.8 else net.depthwise(wide, 2, 1, same=bool(rng.integers(2)))

    def branches(x: Value) -> Value:
        one, other = net.conv(x, 4, 1), net.depthwise(net.conv(x, 3), 3)
        return net.concat([one, other, x], 3)

    def shuffled(x: Value) -> Value:
        there = net.transpose(x, 0, 3, 1, 2)
        return net.transpose(net.relu(there) if rng.random() < 0.3 else there, 0, 2, 3, 1)

    def viewed(x: Value) -> Value:
        _, h, w, c = x.shape
        return net.reshape(net.reshape(net.reshape(x, 1, h * w * c), 1, h * w, c), 1, h, w, c)

    steps: list[Callable[[Value], Value]] = [
        residual, padded, branches, shuffled, viewed,
        lambda x: net.relu(net.conv(x, 6, act=NONE), bool(rng.integers(2)), str(rng.choice(["RELU", "RELU6"]))),
        lambda x: net.depthwise(x, 3, int(rng.integers(1, 3))),
        lambda x: net.requantize(x, float(rng.choice([1.0, 1.5]))),
        net.there_and_back,
        lambda x: net.pool(net.pad(x, (1, 0, 1, 1), -128), kernel=2, stride=1),
        lambda x: net.concat(net.split(x, 3, x.shape[3]), 3) if x.shape[3] < 9 else net.conv(x, 3, 1),
    ]  # fmt: skip
    for _ in range(layers):
        x = steps[int(rng.integers(len(steps)))](x)
        if rng.random() < 0.15 and min(x.shape[1:3]) > 1:
            net.dead_end(x)
        if min(x.shape[1:3]) > 8:
            x = net.pool(x)
    flat = net.reshape(net.transpose(x, 0, 3, 1, 2), 1, int(np.prod(x.shape)))
    return net.build(net.dense(flat, 7), *([x] if rng.random() < 0.3 else []))
