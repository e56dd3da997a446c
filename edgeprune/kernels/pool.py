"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op, OpKind
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.geometry import read_window, window_overlaps
from edgeprune.kernels.operands import input_tensor, output_tensor, params, repeat, require, stepped
from edgeprune.kernels.requant import activation_range
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    window = read_window(graph, op, image, output, op.attrs["filter"])
    require(graph, op, window.in_c == window.out_c, f"{window.in_c} -> {window.out_c} channels")
    function = "ep_average_pool_ref" if op.kind is OpKind.AVERAGE_POOL_2D else "ep_max_pool_ref"

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.attrs["activation"], output)
        own = {
            "channels": window.in_c, "window_h": window.kernel_h, "window_w": window.kernel_w,
            "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_pool_t", window.fields() | own)

    def emit(s: Symbols) -> str:
        return repeat(
            window.batches,
            lambda n: (
                f"{function}(&{s.layer}_params, {stepped(s.input(0), window.in_len, n)}, "
                f"{stepped(s.output(0), window.out_len, n)});"
            ),
        )

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/pool.c",),
        headers=("ep_pool.h",),
        overlaps=window_overlaps(window, channels_in_step=True),
        work=Work(
            outputs=output.element_count, features={"taps": output.element_count * window.kernel_h * window.kernel_w}
        ),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
