"""PAD and PADV2: the output filled with one value, the input copied into its place."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Symbols
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import check_types
from edgeprune.engine.kernels.operands import activation_type, input_tensor, output_tensor, place, require
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, PadAttrs, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    data, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    check_types(graph, op, data, output)
    padding = attrs_of(op, PadAttrs).padding
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
        low, high = value & 0xFF, value >> 8 & 0xFF
        if dtype is DType.INT8 or low == high:
            return f"(void)memset({s.output(0)}, {low}, {output.size_bytes}U);"
        return f"for (uint32_t i = 0; i < {output.element_count}U; i++) {{\n    ({s.output(0)})[i] = {value};\n}}"

    return move_call(
        graph, op, [box(data.shape, Side(strides(data.shape)), Side(steps, start), dtype.size_bytes(1))], fill
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.PAD: _ref, OpKind.PADV2: _ref}
