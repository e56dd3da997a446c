"""EARLY_EXIT: the output of the exit where its margin is large enough, else the network's own
(`engine/graph/early_exit.py`).

The generated code calls `<layer>_leaves()` as soon as the exit is computed, and runs this layer at once if it is true.
"""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, EarlyExitAttrs, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    own, early = (input_tensor(graph, op, index, DType.INT8) for index in (0, 1))
    output, count = output_tensor(graph, op, DType.INT8), early.element_count
    margin = attrs_of(op, EarlyExitAttrs).margin
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


KERNELS = {OpKind.EARLY_EXIT: _ref}
