"""What a device never reads, dropped from a `.tflite` file."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

from edgeprune.errors import ModelError
from edgeprune.tflite.flatfile import BROKEN_HINT, broken_means_model_error

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGN_BYTES = 16  # the schema's force_align of buffer data


def strip(data: bytes) -> bytes:
    """The same model without names, metadata, signatures, calibration ranges, scales of per-channel biases, and unused
    or repeated buffers; equal vectors are stored once. The outputs under any interpreter are the same bytes.

    Layer names are gone with the rest: who reports on the stripped file keeps those of the `Graph` read before. The
    XNNPACK delegate of phones wants bias scales: strip what goes to a microcontroller only.

    Args:
        data: a TensorFlow Lite flatbuffer, whole.

    Raises:
        ModelError: not a TensorFlow Lite model, or damaged.
    """
    if len(data) < 16 or data[4:8] != _IDENTIFIER:
        raise ModelError(f"{len(data):,} bytes that are not a TensorFlow Lite model", BROKEN_HINT)
    from ai_edge_litert import schema_py_generated as schema

    with broken_means_model_error("the file"):
        model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    for buffer in model.buffers or ():
        _bring_inside(buffer, data)
    model.description = model.metadata = model.metadataBuffer = model.signatureDefs = None
    for subgraph in model.subgraphs or ():
        subgraph.name = None
        subgraph.debugMetadataIndex = -1
        for tensor in subgraph.tensors or ():
            _strip_tensor(tensor, schema)
        for operator in subgraph.operators or ():
            operator.debugMetadataIndex = -1
    _share_buffers(model, schema)
    builder = _SharingBuilder(len(data))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _bring_inside(buffer: Any, data: bytes) -> None:
    """ai-edge-quantizer puts weights behind the flatbuffer where they are 256 KiB or more together."""
    begin, end = buffer.offset, buffer.offset + buffer.size
    if begin <= 1:
        return
    if end > len(data):
        raise ModelError(f"a buffer ends at byte {end:,} of {len(data):,}", BROKEN_HINT)
    buffer.data = np.frombuffer(data, np.uint8, buffer.size, begin)
    buffer.offset = buffer.size = 0


def _strip_tensor(tensor: Any, schema: Any) -> None:
    tensor.name = None
    quantization = tensor.quantization
    if quantization is None:
        return
    quantization.min = quantization.max = None
    scales = 0 if quantization.scale is None else len(quantization.scale)
    is_channel_bias = tensor.type == schema.TensorType.INT32 and scales > 1
    if scales == 0 or is_channel_bias:
        tensor.quantization = None


def _share_buffers(model: Any, schema: Any) -> None:
    """Keeps the buffers tensors use, each content once; buffer 0 is the empty one."""
    kept: list[Any] = [schema.BufferT()]
    places: dict[bytes, int] = {b"": 0}
    for subgraph in model.subgraphs or ():
        for tensor in subgraph.tensors or ():
            content = model.buffers[tensor.buffer].data
            content = b"" if content is None else np.asarray(content, np.uint8).tobytes()
            if content not in places:
                places[content] = len(kept)
                kept.append(model.buffers[tensor.buffer])
            tensor.buffer = places[content]
    model.buffers = kept


class _SharingBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors of numbers once, and vectors of bytes at the alignment the schema wants for weights."""

    def __init__(self, size_bytes: int):
        super().__init__(size_bytes)
        self._written: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elem_size: int, count: int, alignment: int) -> int:  # noqa: N802
        offset: int = super().StartVector(elem_size, count, _BUFFER_ALIGN_BYTES if elem_size == 1 else alignment)
        return offset

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]
