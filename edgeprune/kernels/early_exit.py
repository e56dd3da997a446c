"""EARLY_EXIT: the answer of the exit where it is sure enough, else the network's own (`graph/early_exit.py`).

The generator asks `<layer>_leaves()` as soon as the exit has answered, and runs this layer at once if it says so.
"""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, require
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    own, early = (input_tensor(graph, op, index, DType.INT8) for index in (0, 1))
    output, count, margin = output_tensor(graph, op, DType.INT8), early.element_count, op.attrs["margin"]
    require(graph, op, own.shape == early.shape == output.shape, f"{own.shape} and {early.shape} into {output.shape}")
    require(graph, op, count > 1, f"a choice between {count} classes")

    def definitions(s: Symbols) -> str:
        return (
            f"static bool {s.layer}_leaves(void)\n{{\n"
            f"    return ep_margin_ref({s.input(1)}, {count}U) >= {margin}U;\n}}\n"
        )

    def emit(s: Symbols) -> str:
        return f"memcpy({s.output(0)}, {s.layer}_leaves() ? {s.input(1)} : {s.input(0)}, {count}U);"

    return KernelCall(
        function="ep_margin_ref",
        emit=emit,
        definitions=definitions,
        sources=("ref/early_exit.c",),
        headers=("ep_early_exit.h",),
        work=Work(outputs=count),
    )


CANDIDATES = (_ref,)
