"""Settings of the operators that only move elements; see `settings.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.engine.tflite.stated import Settings, all_inputs, int32s
from edgeprune.errors import ModelError
from edgeprune.ir import (
    AxisAttrs,
    BlockAttrs,
    GatherAttrs,
    Graph,
    MirrorMode,
    MirrorPadAttrs,
    Op,
    PadAttrs,
    ResizeAttrs,
    SliceAttrs,
    SpaceBatchAttrs,
    StridedSliceAttrs,
    TransposeAttrs,
    attrs_of,
)

_MIRROR_MODES = {MirrorMode.REFLECT: 0, MirrorMode.SYMMETRIC: 1}


def _padding(attrs: PadAttrs) -> np.ndarray:
    return np.array(attrs.padding, np.int32).reshape(-1, 2)


def pad(graph: Graph, op: Op) -> Settings:
    return Settings("PadOptions", {}, (0, _padding(attrs_of(op, PadAttrs))))


def pad_value(graph: Graph, op: Op) -> Settings:
    return Settings("PadV2Options", {}, (0, _padding(attrs_of(op, PadAttrs)), 1))


def mirror_pad(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, MirrorPadAttrs)
    return Settings("MirrorPadOptions", {"mode": _MIRROR_MODES[attrs.mode]}, (0, _padding(attrs)))


def reshape(graph: Graph, op: Op) -> Settings:
    shape = graph.output_of(op).shape
    return Settings("ReshapeOptions", {"newShape": list(shape)}, (0, int32s(*shape)))


def squeeze(graph: Graph, op: Op) -> Settings:
    axes = _lone_axes(graph.tensors[op.inputs[0]].shape, graph.output_of(op).shape)
    return Settings("SqueezeOptions", {"squeezeDims": axes}, (0,))


def expand_dims(graph: Graph, op: Op) -> Settings:
    axes = _lone_axes(graph.output_of(op).shape, graph.tensors[op.inputs[0]].shape)
    if len(axes) != 1:
        raise ModelError(f"{op.kind} {op.name!r} adds {len(axes)} axes; TFLite's adds one")
    return Settings("ExpandDimsOptions", {}, (0, int32s(*axes)))


def _lone_axes(longer: Sequence[int], shorter: Sequence[int]) -> list[int]:
    """Axes of length 1 that only the longer shape has, the last ones where there is a choice."""
    left, found = list(shorter), []
    for axis in reversed(range(len(longer))):
        if left and left[-1] == longer[axis]:
            left.pop()
        else:
            found.append(axis)
    return sorted(found)


def transpose(graph: Graph, op: Op) -> Settings:
    return Settings("TransposeOptions", {}, (0, int32s(*attrs_of(op, TransposeAttrs).permutation)))


def split(graph: Graph, op: Op) -> Settings:
    axis = attrs_of(op, AxisAttrs).axis
    return Settings("SplitOptions", {"numSplits": len(op.outputs)}, (np.array(axis, np.int32), 0))


def split_v(graph: Graph, op: Op) -> Settings:
    axis = attrs_of(op, AxisAttrs).axis
    sizes = int32s(*(graph.tensors[output].shape[axis] for output in op.outputs))
    return Settings("SplitVOptions", {"numSplits": len(op.outputs)}, (0, sizes, np.array(axis, np.int32)))


def pack(graph: Graph, op: Op) -> Settings:
    return Settings(
        "PackOptions", {"axis": attrs_of(op, AxisAttrs).axis, "valuesCount": len(op.inputs)}, all_inputs(op)
    )


def unpack(graph: Graph, op: Op) -> Settings:
    return Settings("UnpackOptions", {"axis": attrs_of(op, AxisAttrs).axis, "num": len(op.outputs)}, (0,))


def slice_(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, SliceAttrs)
    return Settings("SliceOptions", {}, (0, int32s(*attrs.begin), int32s(*attrs.size)))


def strided_slice(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, StridedSliceAttrs)
    through_zero = sum(
        1 << axis for axis, (end, stride) in enumerate(zip(attrs.end, attrs.strides, strict=True)) if stride < 0 > end
    )
    fields = {
        "beginMask": 0, "endMask": through_zero, "ellipsisMask": 0, "newAxisMask": 0,
        "shrinkAxisMask": sum(1 << axis for axis in attrs.shrink_axes),
    }  # fmt: skip
    ends = (int32s(*attrs.begin), int32s(*attrs.end), int32s(*attrs.strides))
    return Settings("StridedSliceOptions", fields, (0, *ends))


def gather(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, GatherAttrs)
    return Settings("GatherOptions", {"axis": attrs.axis, "batchDims": attrs.batch_dims}, all_inputs(op))


def resize(options: str) -> Callable[[Graph, Op], Settings]:
    def write(graph: Graph, op: Op) -> Settings:
        attrs = attrs_of(op, ResizeAttrs)
        fields = {"alignCorners": attrs.align_corners, "halfPixelCenters": attrs.half_pixel_centers}
        return Settings(options, fields, (0, int32s(*graph.output_of(op).shape[1:3])))

    return write


def block(options: str) -> Callable[[Graph, Op], Settings]:
    return lambda graph, op: Settings(options, {"blockSize": attrs_of(op, BlockAttrs).block_size}, all_inputs(op))


def space_batch(options: str) -> Callable[[Graph, Op], Settings]:
    def write(graph: Graph, op: Op) -> Settings:
        attrs = attrs_of(op, SpaceBatchAttrs)
        edges = np.array(attrs.edges, np.int32).reshape(-1, 2)
        return Settings(options, {}, (0, int32s(*attrs.block), edges))

    return write


def tile(graph: Graph, op: Op) -> Settings:
    shape, whole = graph.tensors[op.inputs[0]].shape, graph.output_of(op).shape
    return Settings("TileOptions", {}, (0, int32s(*(to // size for size, to in zip(shape, whole, strict=True)))))


def broadcast_to(graph: Graph, op: Op) -> Settings:
    return Settings("BroadcastToOptions", {}, (0, int32s(*graph.output_of(op).shape)))


def scatter_nd(graph: Graph, op: Op) -> Settings:
    return Settings("ScatterNdOptions", {}, (0, 1, int32s(*graph.output_of(op).shape)))
