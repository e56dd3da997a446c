"""What converters write around layers is folded away, and the bytes stay LiteRT's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.ir import Conv2dAttrs, attrs_of
from edgeprune.quantize.host import reference_sequence
from tests.firmware.files_of_others.as_keras_writes import KerasNet, OddScales
from tests.firmware.host_engine import assert_same_bytes, random_samples
from tests.firmware.test_clean import same_bytes
from tests.same_graph import assert_same_graph

FAULTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "faults"
needs_faults = pytest.mark.skipif(not FAULTS.is_dir(), reason="no ../shared/data/faults beside the repository")


def test_sizes_computed_from_shapes() -> None:
    b = KerasNet(1)
    x = b.conv(b.input(1, 5, 4, 3), 6)
    assert same_bytes(b.build(b.dense(b.flattened(x), 7))) == ["CONV_2D", "RESHAPE", "FULLY_CONNECTED"]


@pytest.mark.parametrize("kind", ["SPLIT", "SPLIT_V", "UNPACK"])
def test_sizes_that_are_cut_apart(kind: str) -> None:
    """As tf.signal.frame writes them: each of the shape's sizes on its own, one of them halved."""
    b = KerasNet(2)
    x = b.input(1, 4, 6)
    shape, halved, joined = (b.model.tensor(size, "int32") for size in ((3,), (1,), (2,)))
    sizes = schema.ShapeOptionsT()
    sizes.outType = schema.TensorType.INT32
    b.model.op("SHAPE", [x.index], [shape], sizes)
    parts = [b.model.tensor(() if kind == "UNPACK" else (1,), "int32") for _ in range(3)]
    inputs, options = {
        "SPLIT": ([b.scalar(0), shape], schema.SplitOptionsT()),
        "SPLIT_V": ([shape, b.model.ints([1, -1, 1]), b.scalar(0)], schema.SplitVOptionsT()),
        "UNPACK": ([shape], schema.UnpackOptionsT()),
    }[kind]
    options.numSplits = options.num = 3
    b.model.op(kind, inputs, parts, options)
    ends = [b.model.tensor((1,), "int32") for _ in range(2)]
    for part, end in zip(parts[1:], ends, strict=True):
        b.model.op("RESHAPE", [part, b.model.ints([1])], [end])
    b.model.op("FLOOR_DIV", [ends[1], b.model.ints([2])], [halved], schema.FloorDivOptionsT())
    b.model.op("CONCATENATION", [halved, ends[0]], [joined], schema.ConcatenationOptionsT())
    pieces = b.like(x, (2, 3, 4))
    whole = b.model.tensor((3,), "int32")
    b.model.op("CONCATENATION", [b.model.ints([2]), joined], [whole], schema.ConcatenationOptionsT())
    b.model.op("RESHAPE", [x.index, whole], [pieces.index])
    assert same_bytes(b.build(b.dense(b.reshape(pieces, 1, 24), 5))) == ["RESHAPE", "FULLY_CONNECTED"]


@pytest.mark.parametrize("spread", [2, 3])
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_dilated_convolutions(spread: int, depthwise: bool, same: bool) -> None:
    b = KerasNet(2)
    model = b.build(b.dilated(b.input(1, 11, 12, 4), spread, same=same, depthwise=depthwise))
    (op,) = clean(read_tflite(model)).ops
    assert attrs_of(op, Conv2dAttrs).dilation == (spread, spread)
    same_bytes(model)


def test_dilated_rows() -> None:
    b = KerasNet(3)
    model = b.build(b.dilated_row(b.dilated_row(b.input(1, 13, 4), 2), 4))
    assert same_bytes(model) == ["RESHAPE", "CONV_2D", "CONV_2D", "RESHAPE"]


def test_blocks_that_are_not_a_convolution_are_moved() -> None:
    b = KerasNet(4)
    parts = b.spread(b.input(1, 6, 6, 3), (2, 2), [(1, 1), (0, 0)])
    assert "BATCH_TO_SPACE_ND" in same_bytes(b.build(b.gathered(b.relu(parts), (2, 2), [(0, 1), (1, 0)])))


def test_blocks_back_at_once_do_nothing() -> None:
    b = KerasNet(4)
    x = b.conv(b.input(1, 6, 6, 3), 4)
    back = b.gathered(b.spread(x, (2, 3), [(0, 0), (2, 1)]), (2, 3), [(0, 0), (2, 1)])
    assert same_bytes(b.build(b.conv(back, 4))) == ["CONV_2D", "CONV_2D"]


def test_filled_and_tiled_constants() -> None:
    b = KerasNet(5)
    assert same_bytes(b.build(b.plus_filled(b.conv(b.input(1, 5, 4, 3), 6)))) == ["CONV_2D", "ADD"]


def odd_scales(bias_axis: int) -> bytes:
    b = OddScales(6)
    b.bias_axis = bias_axis
    x = b.depthwise(b.conv(b.input(1, 6, 5, 3), 8))
    return b.build(b.dense(b.reshape(x, 1, int(np.prod(x.shape))), 7))


def test_weight_scales_below_zero() -> None:
    model = odd_scales(bias_axis=0)
    assert_same_bytes(model, random_samples(model, 3, seed=1))
    same_bytes(model)


def test_a_bias_that_states_the_axis_of_its_weights() -> None:
    usual, stated = odd_scales(bias_axis=0), odd_scales(bias_axis=3)
    assert_same_graph(read_tflite(usual), read_tflite(stated))
    samples = random_samples(usual, 1, seed=2)[0]
    ((one,), (other,)) = (reference_sequence(model, [samples])[0] for model in (stated, usual))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("batch", [2, 3])
def test_batches(batch: int) -> None:
    b = BatchNet(7)
    x = b.input(batch, 8, 7, 4)
    y = b.add(b.conv(b.depthwise(x), 4, kernel=1), x)
    flat = b.flattened(b.pool(b.pad(y, (1, 0, 0, 1))))
    model = b.build(b.dense(flat, 5), b.plus_filled(y))
    assert_same_bytes(model, random_samples(model, 3, seed=1))
    same_bytes(model)


class BatchNet(KerasNet):
    """Several images at once."""

    def _window(self, kind, options, x, *rest):  # type: ignore[no-untyped-def]
        out = super()._window(kind, options, x, *rest)
        return self._batched(out, x.shape[0])

    def pool(self, x, *rest, **more):  # type: ignore[no-untyped-def]
        return self._batched(super().pool(x, *rest, **more), x.shape[0])

    def pad(self, x, *rest, **more):  # type: ignore[no-untyped-def]
        return self._batched(super().pad(x, *rest, **more), x.shape[0])

    def dense(self, x, out_c):  # type: ignore[no-untyped-def]
        return self._batched(super().dense(x, out_c), x.shape[0])

    def _batched(self, value, batch):  # type: ignore[no-untyped-def]
        shape = (batch, *value.shape[1:])
        self.model.graph.tensors[value.index].shape = list(shape)
        return type(value)(value.index, shape, value.scale, value.zero)


@needs_faults
@pytest.mark.parametrize("name", ["shape_reshape", "space_to_batch", "negative_scale", "uint8_io"])
def test_files_of_others(name: str) -> None:
    model = (FAULTS / f"{name}.tflite").read_bytes()
    kinds = same_bytes(model)
    assert not {"SHAPE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"} & set(kinds)
