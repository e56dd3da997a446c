"""CAST: the stored number as another type, whatever its scale; of floats what lies before the point."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.engine.kernels.operands import CTYPES, input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_INTEGERS = (DType.INT8, DType.UINT8, DType.INT16, DType.INT32, DType.INT64, DType.BOOL)

_LIMITS = {
    DType.INT8: ", INT8_MIN, INT8_MAX", DType.UINT8: ", 0, UINT8_MAX", DType.INT16: ", INT16_MIN, INT16_MAX",
    DType.INT32: ", INT32_MIN, INT32_MAX", DType.INT64: ", INT64_MIN, INT64_MAX",
}  # fmt: skip


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data = input_tensor(graph, op, 0, *_INTEGERS, DType.FLOAT32)
    output = output_tensor(graph, op, *_INTEGERS, DType.FLOAT32)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    made = "EP_CAST_BOOL" if output.dtype is DType.BOOL else "EP_CAST"
    ctype, count, limits = CTYPES[output.dtype], data.element_count, ""
    if data.dtype is DType.FLOAT32 and output.dtype in _LIMITS:
        made, limits = "EP_CAST_FLOAT", _LIMITS[output.dtype]
    return KernelCall(
        function="ep_cast_ref",
        emit=lambda s: f"{made}({ctype}, {s.input(0)}, {s.output(0)}, {count}U{limits});",
        headers=("ep_cast.h",),
        work=Work(outputs=count),
    )


TYPES = (*_INTEGERS, DType.FLOAT32)
KERNELS = {OpKind.CAST: _ref}
