"""Files that state 1 for every size which follows from an open batch, as Keras writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from tests.firmware.host_engine import assert_same_bytes, random_samples
from tests.firmware.one_op import ModelBuilder


def _open(b: ModelBuilder, *signature: int) -> int:
    """A tensor of this shape signature, with 1 for what is open."""
    index = b.tensor([1 if size < 0 else size for size in signature], scale=0.05)
    b.graph.tensors[index].shapeSignature = list(signature)
    return index


def _reshaped(b: ModelBuilder, data: int, sizes: Sequence[int], *signature: int) -> int:
    output = _open(b, *signature)
    b.op("RESHAPE", [data, b.ints(sizes)], [output])
    return output


def _input(b: ModelBuilder, *signature: int) -> int:
    index = b.input([1 if size < 0 else size for size in signature], scale=0.05)
    b.graph.tensors[index].shapeSignature = list(signature)
    return index


def test_a_dense_layer_over_a_sequence() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(0)
    rows = _reshaped(b, _input(b, -1, 4, 6), [-1, 6], -1, -1)
    weights = b.tensor((5, 6), scale=0.01, data=rng.integers(-127, 128, (5, 6)))
    dense, ranged = _open(b, -1, 5), _open(b, -1, 5)
    b.op("FULLY_CONNECTED", [rows, weights, -1], [dense], schema.FullyConnectedOptionsT())
    b.op("RELU", [dense], [ranged])
    halved, merged = _open(b, -1, -1, -1), _open(b, -1, -1, -1)
    again = _reshaped(b, ranged, [-1, 4, 5], -1, -1, -1)
    b.op("TRANSPOSE", [again, b.ints([0, 2, 1])], [halved])
    joined = schema.ConcatenationOptionsT()
    joined.axis = 2
    b.op("CONCATENATION", [halved, halved], [merged], joined)
    b.output(merged)
    model = b.build()
    assert read_tflite(model).tensors[read_tflite(model).outputs[0]].shape == (1, 5, 8)
    assert_same_bytes(model, random_samples(model, 3, seed=0))


def test_windows_over_an_open_image() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(0)
    image = _reshaped(b, _input(b, -1, 6, 10, 3), [-1, 12, 5, 3], -1, -1, -1, 3)
    weights = b.tensor((4, 3, 3, 3), scale=0.01, data=rng.integers(-127, 128, (4, 3, 3, 3)))
    made, pooled, mean = _open(b, -1, -1, -1, 4), _open(b, -1, -1, -1, 4), _open(b, -1, 4)
    window = schema.Conv2DOptionsT()
    window.padding, window.strideH, window.strideW = schema.Padding.VALID, 2, 1
    window.dilationHFactor = window.dilationWFactor = 1
    bias = b.tensor((4,), "int32", scale=0.0005, data=[300, -200, 100, 0])
    b.op("CONV_2D", [image, weights, bias], [made], window)
    pool = schema.Pool2DOptionsT()
    pool.padding, pool.strideH, pool.strideW = schema.Padding.SAME, 2, 2
    pool.filterHeight = pool.filterWidth = 2
    b.op("MAX_POOL_2D", [made], [pooled], pool)
    b.op("MEAN", [pooled, b.ints([1, 2])], [mean], schema.ReducerOptionsT())
    b.output(mean)
    model = b.build()
    shapes = [tensor.shape for tensor in read_tflite(model).tensors]
    assert (1, 5, 3, 4) in shapes and (1, 3, 2, 4) in shapes
    assert_same_bytes(model, random_samples(model, 3, seed=0))


def _upsampled(b: ModelBuilder, dims: Sequence[int] | None) -> int:
    """A transposed convolution over an open sequence and a SQUEEZE, as Keras writes Conv1DTranspose."""
    rng, options, squeezed = np.random.default_rng(0), schema.TransposeConvOptionsT(), _open(b, -1, -1, 2)
    image, made = _reshaped(b, _input(b, -1, 6, 3), [-1, 1, 6, 3], -1, 1, 6, 3), _open(b, -1, -1, -1, 2)
    weights = b.tensor((2, 1, 4, 3), scale=0.01, data=rng.integers(-127, 128, (2, 1, 4, 3)))
    options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 2
    b.op("TRANSPOSE_CONV", [b.ints([1, 1, 12, 2]), weights, image], [made], options)
    away = schema.SqueezeOptionsT()
    away.squeezeDims = dims
    b.op("SQUEEZE", [made], [squeezed], away)
    return squeezed


@pytest.mark.parametrize("dims", [[1], [-3], None])
def test_a_transposed_convolution_over_an_open_sequence(dims: Sequence[int] | None) -> None:
    b = ModelBuilder()
    b.output(_upsampled(b, dims))
    model = b.build()
    graph = read_tflite(model)
    assert graph.tensors[graph.outputs[0]].shape == ((1, 12, 2) if dims else (12, 2))
    assert_same_bytes(model, random_samples(model, 2, seed=0))


def test_blocks_and_largest_values_of_an_open_image() -> None:
    b, options = ModelBuilder(), schema.SpaceToDepthOptionsT()
    image, deep = _reshaped(b, _input(b, -1, 6, 8, 2), [-1, 12, 4, 2], -1, -1, -1, 2), _open(b, -1, -1, -1, 8)
    options.blockSize = 2
    b.op("SPACE_TO_DEPTH", [image], [deep], options)
    flat, back = _open(b, -1, -1, -1, 2), schema.DepthToSpaceOptionsT()
    back.blockSize = 2
    b.op("DEPTH_TO_SPACE", [deep], [flat], back)
    largest = b.tensor((1, 1, 1), "int64")
    b.graph.tensors[largest].shapeSignature = [-1, -1, -1]
    b.op("ARG_MAX", [flat, b.ints(-1)], [largest], schema.ArgMaxOptionsT())
    b.graph.operators[-1].builtinOptions.outputType = schema.TensorType.INT64
    b.output(deep, largest)
    model = b.build()
    graph = read_tflite(model)
    assert [graph.tensors[index].shape for index in graph.outputs] == [(1, 6, 2, 8), (1, 12, 4)]
    assert_same_bytes(model, random_samples(model, 2, seed=0))


def test_sizes_that_do_not_fit_are_refused() -> None:
    b = ModelBuilder()
    b.output(_reshaped(b, _input(b, -1, 4, 6), [-1, 5], -1, 5))
    with pytest.raises(ModelError, match=r"\(1, 4, 6\) as \(-1, 5\)"):
        read_tflite(b.build())


def test_a_size_below_zero_is_refused() -> None:
    b = ModelBuilder()
    output = _open(b, -1, 4)
    b.op("PAD", [_input(b, -1, 4), b.ints([[0, 0], [-3, -3]])], [output])
    b.output(output)
    with pytest.raises(ModelError, match=r"a tensor of shape \(1, -2\)"):
        read_tflite(b.build())
