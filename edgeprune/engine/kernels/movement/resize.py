"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: which input rows and columns an output pixel reads is a table."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import (
    image_calls,
    input_tensor,
    params,
    plain_name,
    require,
    require_u16,
    table,
)
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, ResizeAttrs, attrs_of


def nearest_indices(in_size: int, out_size: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """(out_size,) input index of each output index; the scale is a float32."""
    inner = 1 if align_corners and out_size > 1 else 0
    scale = np.float32(in_size - inner) / np.float32(out_size - inner)
    places = (np.arange(out_size).astype(np.float32) + np.float32(0.5 if half_pixel else 0.0)) * scale
    rounded = [floor(float(place) + 0.5) if align_corners else floor(float(place)) for place in places]
    return np.asarray(np.clip(rounded, 0, in_size - 1))


def bilinear_places(in_size: int, out_size: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """(out_size, 3): lower index, upper index, and the distance from the lower in 1/1024."""
    scale = ((1 << 10) * in_size + out_size // 2) // out_size
    if align_corners and out_size > 1:
        scale = ((1 << 10) * (in_size - 1) + (out_size - 1) // 2) // (out_size - 1)
    place = np.arange(out_size) * scale + (scale // 2 - (1 << 9) if half_pixel else 0)
    lower = np.maximum(place >> 10, 0)
    upper = np.minimum(np.maximum(place + (1 << 10) - 1, 0) >> 10, in_size - 1)
    return np.stack([lower, upper, place - (lower << 10)], axis=1)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    image, output = input_tensor(graph, op, 0, *TYPES[op.kind]), graph.output_of(op)
    check_types(graph, op, image, output)
    require(graph, op, len(image.shape) == len(output.shape) == 4, f"{image.shape} into {output.shape}")
    (batch, in_h, in_w, channels), (_, out_h, out_w, _) = image.shape, output.shape
    require(graph, op, output.shape == (batch, out_h, out_w, channels), f"{image.shape} into {output.shape}")
    nearest = op.kind is OpKind.RESIZE_NEAREST_NEIGHBOR
    pixel = image.dtype.size_bytes(channels) if nearest else channels
    require_u16(graph, op, *(2 * size for size in (*image.shape, *output.shape)), pixel)  # indices are int16
    places, width = (nearest_indices, 1) if nearest else (bilinear_places, 3)
    function = "ep_resize_nearest_ref" if nearest else plain_name("ep_resize_bilinear", image.dtype)

    def axis(role: str, in_size: int, out_size: int) -> Constant:
        return table(role, "int16_t", out_size * width, _values(places, op, in_size, out_size))

    def definitions(s: Symbols) -> str:
        fields = {
            "rows": s.constant("rows"), "columns": s.constant("columns"),
            "in_w": in_w, "out_h": out_h, "out_w": out_w, "channels": pixel,
        }  # fmt: skip
        return params(s, "ep_resize_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: image_calls(s, function, image, output),
        sources=("ref/resize.c",),
        headers=("ep_resize.h",),
        constants=(axis("rows", in_h, out_h), axis("columns", in_w, out_w)),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


def _values(
    places: Callable[[int, int, bool, bool], np.ndarray], op: Op, in_size: int, out_size: int
) -> Callable[[], np.ndarray]:
    attrs = attrs_of(op, ResizeAttrs)
    corners, half_pixel = attrs.align_corners, attrs.half_pixel_centers
    return lambda: places(in_size, out_size, corners, half_pixel).astype(np.int16).reshape(-1)


TYPES = {OpKind.RESIZE_NEAREST_NEIGHBOR: ANY_TYPE, OpKind.RESIZE_BILINEAR: (DType.INT8, DType.INT16)}
KERNELS = {OpKind.RESIZE_NEAREST_NEIGHBOR: _ref, OpKind.RESIZE_BILINEAR: _ref}
