"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import read_window, window_overlaps
from edgeprune.engine.kernels.operands import (
    activation_type,
    image_calls,
    input_tensor,
    output_tensor,
    params,
    plain_name,
    require,
)
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, PoolAttrs, attrs_of

_MOST_TAPS = 65_535  # sums of int16 inside int32


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    image, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    window = read_window(graph, op, image, output, attrs_of(op, PoolAttrs).filter)
    require(graph, op, window.in_c == window.out_c, f"{window.in_c} -> {window.out_c} channels")
    require(graph, op, window.kernel_h * window.kernel_w <= _MOST_TAPS, f"a window of more than {_MOST_TAPS:,} pixels")
    function = plain_name("ep_average_pool" if op.kind is OpKind.AVERAGE_POOL_2D else "ep_max_pool", dtype)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, output)
        own = {
            "channels": window.in_c, "window_h": window.kernel_h, "window_w": window.kernel_w,
            "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_pool_t", window.fields() | own)

    return KernelCall(
        function=function,
        emit=lambda s: image_calls(s, function, image, output),
        sources=("ref/pool.c",),
        headers=("ep_pool.h",),
        overlaps=window_overlaps(window, channels_in_step=True, element_bytes=dtype.size_bytes(1)),
        work=Work(
            outputs=output.element_count, features={"taps": output.element_count * window.kernel_h * window.kernel_w}
        ),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.AVERAGE_POOL_2D: _ref, OpKind.MAX_POOL_2D: _ref}
