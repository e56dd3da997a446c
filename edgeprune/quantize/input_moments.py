"""Mean and covariance of what the weights of a layer are multiplied with, over the calibration samples.

A layer with weights is, for each output pixel, a product of its weight rows with a row of inputs: the patch under the
filter. How an error of the weights shows in the output depends on these rows alone, and of them on mean and covariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ir import Conv2dAttrs, Graph, Op, OpKind, TransposeConvAttrs, attrs_of

ROWS = 4096  # of a layer, over all samples; more improve nothing
_MOST_INPUTS = 2048  # of a row whose covariance is kept: 32 MiB
_CHUNK_ROWS = 1024


@dataclass(frozen=True, eq=False)
class InputMoments:
    """Rows of one layer with weights, by groups of output channels that read the same ones.

    Attributes:
        mean: float64 (groups, inputs), inputs in the order of `rows_of_weights`.
        covariance: float64 (groups, inputs, inputs); None where a row is too long for it.
        count: of rows.
    """

    mean: np.ndarray
    covariance: np.ndarray | None
    count: int

    def joined(self, other: InputMoments) -> InputMoments:
        """Of the rows of both."""
        count = self.count + other.count
        share = other.count / count
        apart, covariance = other.mean - self.mean, self.covariance
        if covariance is not None and other.covariance is not None:
            between = share * (1 - share) * apart[:, :, None] * apart[:, None, :]
            covariance = (1 - share) * covariance + share * other.covariance + between
        return InputMoments(self.mean + share * apart, covariance, count)

    def scaled(self, factors: np.ndarray) -> InputMoments:
        """Of inputs multiplied with factors (groups, inputs)."""
        covariance = self.covariance
        if covariance is not None:
            covariance = covariance * factors[:, :, None] * factors[:, None, :]
        return replace(self, mean=self.mean * factors, covariance=covariance)


def group_count(graph: Graph, op: Op) -> int:
    """Groups of output channels that read different inputs; a depthwise convolution's are single channels."""
    weight, data = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[0]]
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return weight.shape[3]
    return data.shape[-1] // weight.shape[-1] if op.kind is OpKind.CONV_2D else 1


def rows_of_weights(weights: np.ndarray, op: Op, groups: int) -> np.ndarray:
    """(groups, output channels of a group, inputs): each output channel's weights as a row."""
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return weights.reshape(-1, weights.shape[3]).T[:, None, :]
    return weights.reshape(groups, weights.shape[0] // groups, -1)


def weights_of_rows(rows: np.ndarray, op: Op, shape: tuple[int, ...]) -> np.ndarray:
    """Back from `rows_of_weights`."""
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return np.ascontiguousarray(rows[:, 0, :].T).reshape(shape)
    return rows.reshape(shape)


def rows_of_channels(channels: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """One value per channel of the layer's input -> one per element of its rows, (groups, inputs)."""
    shape, groups = graph.tensors[op.inputs[1]].shape, group_count(graph, op)
    if op.kind is OpKind.FULLY_CONNECTED:
        return channels[None]
    taps = shape[1] * shape[2]
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return np.repeat(np.repeat(channels, groups // len(channels))[:, None], taps, axis=1)
    return np.tile(channels.reshape(groups, -1), (1, taps))


class MomentsOf:
    """Gathers a layer's moments, some rows of each sample drawn at random.

    Args:
        rows_per_sample: of an image; a dense layer has one a sample.
    """

    def __init__(self, graph: Graph, op: Op, rows_per_sample: int):
        self._graph, self._op, self._rows_per_sample = graph, op, rows_per_sample
        self._groups = group_count(graph, op)
        inputs = rows_of_weights(np.empty(graph.tensors[op.inputs[1]].shape, np.int8), op, self._groups).shape[2]
        self._origin = np.zeros((self._groups, 1, inputs), np.float32)  # near the mean: products lose no digits
        self._sum = np.zeros((self._groups, inputs))
        self._products = np.zeros((self._groups, inputs, inputs)) if inputs <= _MOST_INPUTS else None
        self._count, self._pending, self._pending_rows = 0, list[np.ndarray](), 0

    def add(self, values: np.ndarray, rng: np.random.Generator) -> None:
        """values: the layer's input for one sample, (1, ...)."""
        rows = self._rows(values, rng)
        self._pending.append(rows)
        self._pending_rows += rows.shape[1]
        if self._pending_rows >= _CHUNK_ROWS:
            self._flush()

    def moments(self) -> InputMoments:
        self._flush()
        mean, covariance = self._sum / self._count, None
        if self._products is not None:
            covariance = self._products / self._count - mean[:, :, None] * mean[:, None, :]
        return InputMoments(mean + self._origin[:, 0], covariance, self._count)

    def _flush(self) -> None:
        if not self._pending:
            return
        rows = np.concatenate(self._pending, axis=1)
        if self._count == 0:
            self._origin = rows.mean(axis=1, keepdims=True)
        rows = rows - self._origin
        self._count += rows.shape[1]
        self._sum += rows.sum(axis=1, dtype=np.float64)
        if self._products is not None:
            self._products += np.matmul(rows.transpose(0, 2, 1), rows)
        self._pending, self._pending_rows = [], 0

    def _rows(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(groups, rows, inputs) float32."""
        op, shape = self._op, self._graph.tensors[self._op.inputs[1]].shape
        if op.kind is OpKind.FULLY_CONNECTED:
            return values.reshape(1, -1, shape[1])
        _, height, width, _ = self._graph.output_of(op).shape
        count = min(self._rows_per_sample, height * width)
        chosen = rng.integers(0, height * width, count) if count < height * width else np.arange(count)
        ys, xs = _taps(op, shape[1], 0, chosen // width), _taps(op, shape[2], 1, chosen % width)
        patches = _under(values[0], ys, xs)  # (rows, taps, taps, channels)
        if op.kind is OpKind.DEPTHWISE_CONV_2D:
            rows = patches.reshape(count, -1, patches.shape[3]).transpose(2, 0, 1)
            return np.repeat(rows, shape[3] // patches.shape[3], axis=0)
        grouped = patches.reshape(count, -1, self._groups, shape[3])
        return grouped.transpose(2, 0, 1, 3).reshape(self._groups, count, -1)


def _taps(op: Op, taps: int, axis: int, positions: np.ndarray) -> np.ndarray:
    """(positions, taps) the input rows (axis 0) or columns (1) under the filter; -1 where a tap falls on none."""
    tap = np.arange(taps)
    if op.kind is OpKind.TRANSPOSE_CONV:
        attrs = attrs_of(op, TransposeConvAttrs)
        reached = positions[:, None] + attrs.pad[2 * axis] - tap
        return np.where(reached % attrs.stride[axis] == 0, reached // attrs.stride[axis], -1)
    window = attrs_of(op, Conv2dAttrs)
    return positions[:, None] * window.stride[axis] - window.pad[2 * axis] + tap * window.dilation[axis]


def _under(image: np.ndarray, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
    """image (H, W, C) at rows ys (n, kh) and columns xs (n, kw) -> (n, kh, kw, C), zero outside."""
    height, width, _ = image.shape
    found: np.ndarray = image[np.clip(ys, 0, height - 1)[:, :, None], np.clip(xs, 0, width - 1)[:, None, :]]
    inside = ((ys >= 0) & (ys < height))[:, :, None] & ((xs >= 0) & (xs < width))[:, None, :]
    zeroed: np.ndarray = found * inside[..., None]
    return zeroed
