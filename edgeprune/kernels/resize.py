"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: which input rows and columns an output pixel reads is a table."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np

from edgeprune.ir import DType, Graph, Op, OpKind
from edgeprune.kernels.base import Constant, KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, params, repeat, require, require_u16, stepped, table
from edgeprune.kernels.views import check_types
from edgeprune.target.profile import Isa


def nearest_indices(in_size: int, out_size: int, align_corners: bool, half_pixel: bool) -> np.ndarray:
    """(out_size,) input index of each output index; the scale is a float32."""
    inner = 1 if align_corners and out_size > 1 else 0
    scale = np.float32(in_size - inner) / np.float32(out_size - inner)
    places = (np.arange(out_size).astype(np.float32) + np.float32(0.5 if half_pixel else 0.0)) * scale
    found = [floor(float(place) + 0.5) if align_corners else floor(float(place)) for place in places]
    return np.asarray(np.clip(found, 0, in_size - 1))


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
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    check_types(graph, op, image, output)
    require(graph, op, len(image.shape) == len(output.shape) == 4, f"{image.shape} into {output.shape}")
    (batch, in_h, in_w, channels), (_, out_h, out_w, _) = image.shape, output.shape
    require(graph, op, output.shape == (batch, out_h, out_w, channels), f"{image.shape} into {output.shape}")
    require_u16(graph, op, *(2 * size for size in (*image.shape, *output.shape)))  # indices are int16
    nearest = op.kind is OpKind.RESIZE_NEAREST_NEIGHBOR
    places, width = (nearest_indices, 1) if nearest else (bilinear_places, 3)
    name = "nearest" if nearest else "bilinear"

    def axis(role: str, in_size: int, out_size: int) -> Constant:
        return table(role, "int16_t", out_size * width, _values(places, op, in_size, out_size))

    def definitions(s: Symbols) -> str:
        fields = {
            "rows": s.constant("rows"), "columns": s.constant("columns"),
            "in_w": in_w, "out_h": out_h, "out_w": out_w, "channels": channels,
        }  # fmt: skip
        return params(s, "ep_resize_t", fields)

    def emit(s: Symbols) -> str:
        return repeat(
            batch,
            lambda n: (
                f"ep_resize_{name}_ref(&{s.layer}_params, {stepped(s.input(0), in_h * in_w * channels, n)}, "
                f"{stepped(s.output(0), out_h * out_w * channels, n)});"
            ),
        )

    return KernelCall(
        function=f"ep_resize_{name}_ref",
        emit=emit,
        sources=("ref/resize.c",),
        headers=("ep_resize.h",),
        constants=(axis("rows", in_h, out_h), axis("columns", in_w, out_w)),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


def _values(
    places: Callable[[int, int, bool, bool], np.ndarray], op: Op, in_size: int, out_size: int
) -> Callable[[], np.ndarray]:
    flags = op.attrs["align_corners"], op.attrs["half_pixel_centers"]
    return lambda: places(in_size, out_size, *flags).astype(np.int16).reshape(-1)


CANDIDATES = (_ref,)
