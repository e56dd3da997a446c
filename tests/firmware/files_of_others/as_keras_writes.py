"""Files as TensorFlow's converter writes them: sizes computed from shapes, dilation by blocks, odd scales and axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.random_nets import NONE, NetBuilder, Value


class KerasNet(NetBuilder):
    """Adds what the converter puts around layers; everything else as in `NetBuilder`."""

    def scalar(self, value: int) -> int:
        return self.model.tensor((), "int32", data=np.array(value, np.int32))

    def flattened(self, x: Value) -> Value:
        """RESHAPE by a shape that is computed: the batch from SHAPE, the rest constant."""
        shape, batch, packed = (self.model.tensor(size, "int32") for size in ((len(x.shape),), (), (2,)))
        ends = [self.model.ints([number]) for number in (0, 1, 1)]
        sizes, options, pack = schema.ShapeOptionsT(), schema.StridedSliceOptionsT(), schema.PackOptionsT()
        sizes.outType = schema.TensorType.INT32
        options.shrinkAxisMask, pack.valuesCount = 1, 2
        rest = int(np.prod(x.shape[1:]))
        self.model.op("SHAPE", [x.index], [shape], sizes)
        self.model.op("STRIDED_SLICE", [shape, *ends], [batch], options)
        self.model.op("PACK", [batch, self.scalar(rest)], [packed], pack)
        out = self.like(x, (x.shape[0], rest))
        self.model.op("RESHAPE", [x.index, packed], [out.index], schema.ReshapeOptionsT())
        return out

    def spread(self, x: Value, block: Sequence[int], edges: Sequence[tuple[int, int]]) -> Value:
        """SPACE_TO_BATCH_ND."""
        axes = len(block)
        sides = [
            (size + sum(edge)) // step for size, edge, step in zip(x.shape[1 : axes + 1], edges, block, strict=True)
        ]
        out = self.like(x, (x.shape[0] * int(np.prod(block)), *sides, *x.shape[axes + 1 :]))
        given = [x.index, self.model.ints(block), self.model.ints(edges)]
        self.model.op("SPACE_TO_BATCH_ND", given, [out.index], schema.SpaceToBatchNDOptionsT())
        return out

    def gathered(self, x: Value, block: Sequence[int], crops: Sequence[tuple[int, int]]) -> Value:
        """BATCH_TO_SPACE_ND."""
        axes = len(block)
        sides = [size * step - sum(crop) for size, crop, step in zip(x.shape[1 : axes + 1], crops, block, strict=True)]
        out = self.like(x, (x.shape[0] // int(np.prod(block)), *sides, *x.shape[axes + 1 :]))
        given = [x.index, self.model.ints(block), self.model.ints(crops)]
        self.model.op("BATCH_TO_SPACE_ND", given, [out.index], schema.BatchToSpaceNDOptionsT())
        return out

    def dilated(self, x: Value, spread: int, taps: int = 3, same: bool = True, depthwise: bool = False) -> Value:
        """A dilated convolution over an image of two axes, as TensorFlow writes it."""
        reach = (taps - 1) * spread if same else 0
        edges, crops = [], []
        for size in x.shape[1:3]:
            extra = -(size + reach) % spread
            edges.append((reach // 2, reach - reach // 2 + extra))
            crops.append((0, extra))
        parts = self.spread(x, (spread, spread), edges)
        layer = self._images(parts, "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", taps, taps)
        return self.gathered(layer, (spread, spread), crops)

    def dilated_row(self, x: Value, spread: int, taps: int = 3) -> Value:
        """The same over (N, T, C), as Keras' causal Conv1D: blocks of a sequence, a RESHAPE on either side."""
        reach = (taps - 1) * spread
        extra = -(x.shape[1] + reach) % spread
        parts = self.spread(x, (spread,), [(reach, extra)])
        n, length, channels = parts.shape
        made = self._images(self.reshape(parts, n, 1, length, channels), "CONV_2D", 1, taps)
        return self.gathered(self.reshape(made, n, *made.shape[2:]), (spread,), [(0, extra)])

    def _images(self, x: Value, kind: str, height: int, width: int) -> Value:
        depthwise = kind == "DEPTHWISE_CONV_2D"
        out_c = x.shape[3] if depthwise else 5
        weights = (1, height, width, out_c) if depthwise else (out_c, height, width, x.shape[3])
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        if depthwise:
            options.depthMultiplier = 1
        options.strideH = options.strideW = 1
        options.padding, options.fusedActivationFunction = schema.Padding.VALID, NONE
        taps = int(np.prod(weights)) // out_c
        w, b, scale = self._weights(x, weights, 3 if depthwise else 0, out_c, taps)
        sides = [x.shape[1] - height + 1, x.shape[2] - width + 1]
        out = self.new((x.shape[0], *sides, out_c), scale, int(self.rng.integers(-30, 30)))
        self.model.op(kind, [x.index, w, b], [out.index], options)
        return out

    def plus_filled(self, x: Value) -> Value:
        """ADD of a constant that FILL and TILE make."""
        filled = self.like(x, (1, *x.shape[1:-1], 1))
        value = self.model.tensor((), scale=x.scale, zero=x.zero, data=np.array(17))
        self.model.op("FILL", [self.model.ints(filled.shape), value], [filled.index], schema.FillOptionsT())
        tiled = self.like(x, (1, *x.shape[1:]))
        times = self.model.ints([1] * (len(x.shape) - 1) + [x.shape[-1]])
        self.model.op("TILE", [filled.index, times], [tiled.index], schema.TileOptionsT())
        return self.add(x, tiled)


class OddScales(KerasNet):
    """Some weight scales below zero."""

    bias_axis = 0

    def _weights(self, x: Value, shape: tuple[int, ...], axis: int, out_c: int, taps: int) -> tuple[int, int, float]:
        weights, bias, scale = super()._weights(x, shape, axis, out_c, taps)
        for index in (weights, bias):
            quantization = self.model.graph.tensors[index].quantization
            signs = np.where(np.arange(out_c) % 3 == 1, -1.0, 1.0)
            quantization.scale = np.float32(np.array(quantization.scale) * signs).tolist()
        self.model.graph.tensors[bias].quantization.quantizedDimension = self.bias_axis
        return weights, bias, scale
