"""Stripping: smaller, and the same model to every reader."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.errors import ModelError
from tests.firmware.host_engine import random_samples, run_litert
from tests.firmware.one_op import ModelBuilder, schema

MODELS = Path(__file__).resolve().parents[5] / "shared" / "data" / "mlperf-tiny"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")


@needs_models
@pytest.mark.parametrize("name", ["kws01", "ad01"])
def test_outputs_are_the_same_and_the_file_is_near_its_weights(name: str) -> None:
    data = (MODELS / f"{name}_int8.tflite").read_bytes()
    stripped = strip(data)
    samples = random_samples(data, 20, seed=3)
    for before, after in zip(run_litert(data, samples), run_litert(stripped, samples), strict=True):
        np.testing.assert_array_equal(before[0], after[0])
    constants = sum(t.size_bytes for t in read_tflite(data).tensors if t.is_constant)
    assert len(stripped) - constants < 6_200 < len(data)


@needs_models
def test_the_graph_is_the_same_but_for_names() -> None:
    data = (MODELS / "kws01_int8.tflite").read_bytes()
    before, after = read_tflite(data), read_tflite(strip(data))
    assert [(op.kind, op.inputs, op.outputs, op.attrs) for op in before.ops] == [
        (op.kind, op.inputs, op.outputs, op.attrs) for op in after.ops
    ]
    for one, other in zip(before.tensors, after.tensors, strict=True):
        assert (one.shape, one.dtype, one.is_constant) == (other.shape, other.dtype, other.is_constant)
        if one.data is not None:
            np.testing.assert_array_equal(one.data, other.data)
        if one.dtype != "int32":
            assert one.qparams == other.qparams


@needs_models
def test_stripping_twice_changes_nothing_more() -> None:
    once = strip((MODELS / "kws01_int8.tflite").read_bytes())
    assert len(strip(once)) == len(once)


def with_metadata() -> bytes:
    """x + c twice, with all that a converter adds."""
    builder = ModelBuilder()
    x = builder.input((1, 8), scale=0.5)
    first = builder.tensor((1, 8), scale=0.25, data=np.arange(8))
    again = builder.tensor((1, 8), scale=0.25, data=np.arange(8))
    middle = builder.tensor((1, 8), scale=0.5)
    out = builder.tensor((1, 8), scale=0.5)
    builder.op("ADD", [x, first], [middle], schema.AddOptionsT())
    builder.op("ADD", [middle, again], [out], schema.AddOptionsT())
    builder.output(out)
    builder.model.description = b"made by a converter " * 20
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"min_runtime_version", len(builder.model.buffers)
    builder.model.metadata = [entry]
    extra = schema.BufferT()
    extra.data = np.frombuffer(b"2.17.0 and a long story" * 50, np.uint8)
    builder.model.buffers.append(extra)
    for tensor in builder.graph.tensors:
        tensor.quantization.min, tensor.quantization.max = [-64.0], [63.5]
    return builder.build()


def test_metadata_and_repeated_buffers_go() -> None:
    data = with_metadata()
    stripped = strip(data)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(stripped, 0))
    assert model.metadata is None and not model.description and model.signatureDefs is None
    assert len(model.buffers) == 2 and list(model.buffers[1].data) == list(range(8))
    assert all(t.name is None and t.quantization.min is None for t in model.subgraphs[0].tensors)
    sample = [[np.arange(8, dtype=np.int8).reshape(1, 8)]]
    np.testing.assert_array_equal(run_litert(data, sample)[0][0], run_litert(stripped, sample)[0][0])


def with_weights_behind() -> bytes:
    """As ai-edge-quantizer writes models of 256 KiB or more: a buffer's bytes lie behind the flatbuffer."""
    data = with_metadata()
    size_bytes = len(data) + 64  # offset and size are stored where they are not zero
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    behind = bytes(bytearray(model.buffers[1].data))
    model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, size_bytes, len(behind)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    packed = bytes(builder.Output())
    assert len(packed) <= size_bytes
    return packed.ljust(size_bytes, b"\0") + behind


def test_weights_behind_the_flatbuffer_come_inside() -> None:
    data = with_weights_behind()
    stripped = strip(data)
    assert stripped == strip(with_metadata())
    sample = [[np.arange(8, dtype=np.int8).reshape(1, 8)]]
    np.testing.assert_array_equal(run_litert(data, sample)[0][0], run_litert(stripped, sample)[0][0])


def test_weights_beyond_the_file_are_refused() -> None:
    with pytest.raises(ModelError, match="ends at byte"):
        strip(with_weights_behind()[:-1])


@needs_models
def test_weights_stay_aligned() -> None:
    stripped = strip((MODELS / "kws01_int8.tflite").read_bytes())
    model = schema.Model.GetRootAs(stripped, 0)
    for index in range(1, model.BuffersLength()):
        table = model.Buffers(index)._tab
        assert table.Vector(table.Offset(4)) % 16 == 0


@pytest.mark.parametrize("data", [b"", b"TFL3" * 8, b"\x10\0\0\0TFL3" + b"\xff" * 64])
def test_other_files_are_refused_with_a_hint(data: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        strip(data)
    assert caught.value.hint
