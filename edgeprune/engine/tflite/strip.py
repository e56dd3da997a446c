"""What a device never reads, dropped from a `.tflite` file."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeprune.engine.tflite.flatfile import BROKEN_HINT, broken_means_model_error
from edgeprune.engine.tflite.packing import packed_model
from edgeprune.errors import ModelError

_IDENTIFIER = b"TFL3"


def strip(data: bytes) -> bytes:
    """The same model without names, metadata, signatures, calibration ranges, scales of per-channel biases, and unused
    or repeated buffers; equal vectors are stored once. The outputs under any interpreter are the same bytes.

    Layer names are gone with the rest: who reports on the stripped file keeps those of the `Graph` read before. The
    XNNPACK delegate of phones needs bias scales: strip what goes to a microcontroller only.

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
    return packed_model(model)


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
    is_channel_bias = tensor.type in (schema.TensorType.INT32, schema.TensorType.INT64) and scales > 1
    if scales == 0 or is_channel_bias:
        tensor.quantization = None
