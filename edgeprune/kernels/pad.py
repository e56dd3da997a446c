"""PAD and PADV2: the output filled with one value, the input copied into its place."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, OpKind
from edgeprune.kernels.axes import strides
from edgeprune.kernels.base import KernelCall, Optimize, Symbols
from edgeprune.kernels.moves import box, move_call
from edgeprune.kernels.operands import input_tensor, output_tensor, place, require
from edgeprune.kernels.requant import scale_zero
from edgeprune.kernels.views import check_types
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    check_types(graph, op, data, output)
    padding = op.attrs["padding"]
    padded = tuple(before + size + after for size, (before, after) in zip(data.shape, padding, strict=True))
    require(graph, op, padded == output.shape, f"{data.shape} padded by {padding} into {output.shape}")
    steps = strides(output.shape)
    start = sum(before * step for (before, _), step in zip(padding, steps, strict=True))

    def fill(s: Symbols) -> str:
        value = scale_zero(output)[1]
        if op.kind is OpKind.PADV2:
            given = graph.input_of(op, 1)
            if given is None or given.data is None or given.element_count != 1:
                raise UnsupportedOp(f"{place(graph, op)}: its value must be one constant")
            check_types(graph, op, given, output)
            value = int(given.data.reshape(-1)[0])
        return f"(void)memset({s.output(0)}, {value}, {output.size_bytes}U);"

    return move_call(graph, op, [box(data.shape, strides(data.shape), steps, 1, out_start=start)], fill)


CANDIDATES = (_ref,)
