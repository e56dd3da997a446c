"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D of float32."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.floats.pair import RANGES
from edgeprune.engine.kernels.geometry import read_window, window_overlaps
from edgeprune.engine.kernels.operands import image_calls, input_tensor, literal, output_tensor, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, PoolAttrs, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    image, output = input_tensor(graph, op, 0, DType.FLOAT32), output_tensor(graph, op, DType.FLOAT32)
    window = read_window(graph, op, image, output, attrs_of(op, PoolAttrs).filter)
    require(graph, op, window.in_c == window.out_c, f"{window.in_c} -> {window.out_c} channels")
    function = f"ep_{op.kind.lower().removesuffix('_2d')}_float_ref"

    def definitions(s: Symbols) -> str:
        low, high = map(literal, RANGES[op.activation])
        own = {
            "channels": window.in_c, "window_h": window.kernel_h, "window_w": window.kernel_w, "low": low, "high": high,
        }  # fmt: skip
        return params(s, "ep_float_pool_t", window.fields() | own)

    return KernelCall(
        function=function,
        emit=lambda s: image_calls(s, function, image, output),
        sources=("ref/float_pool.c", "ref/float_unary.c", "ref/float_exponential.c"),
        headers=("ep_float_pool.h",),
        overlaps=window_overlaps(window, channels_in_step=True, element_bytes=4),
        work=Work(
            outputs=output.element_count, features={"taps": output.element_count * window.kernel_h * window.kernel_w}
        ),
        definitions=definitions,
    )


KERNELS = dict.fromkeys((OpKind.AVERAGE_POOL_2D, OpKind.MAX_POOL_2D, OpKind.L2_POOL_2D), _ref)
