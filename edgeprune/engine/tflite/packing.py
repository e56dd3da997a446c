"""A TensorFlow Lite model of the schema's object form as bytes, nothing stored twice."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGN_BYTES = 16  # the schema's force_align of buffer data
_FIRST_BYTES = 1 << 16  # the builder grows by itself


def packed_model(model: Any) -> bytes:
    """The flatbuffer of a `ModelT`: each buffer's content once, equal vectors of numbers once."""
    from ai_edge_litert import schema_py_generated as schema

    _share_buffers(model, schema)
    builder = _SharingBuilder(_FIRST_BYTES)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _share_buffers(model: Any, schema: Any) -> None:
    """Keeps the buffers tensors and metadata use, each content once; buffer 0 is the empty one."""
    kept: list[Any] = [schema.BufferT()]
    places: dict[bytes, int] = {b"": 0}
    tensors = [tensor for subgraph in model.subgraphs or () for tensor in subgraph.tensors or ()]
    for user in (*tensors, *(model.metadata or ())):
        content = model.buffers[user.buffer].data
        content = b"" if content is None else np.asarray(content, np.uint8).tobytes()
        if content not in places:
            places[content] = len(kept)
            kept.append(model.buffers[user.buffer])
        user.buffer = places[content]
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
