"""CAST: the stored number as another type, whatever its scale."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.engine.kernels.operands import CTYPES, input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_INTEGERS = (DType.INT8, DType.UINT8, DType.INT16, DType.INT32, DType.INT64, DType.BOOL)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data = input_tensor(graph, op, 0, *_INTEGERS)
    output = output_tensor(graph, op, *_INTEGERS, DType.FLOAT32)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    made = "EP_CAST_BOOL" if output.dtype is DType.BOOL else "EP_CAST"
    ctype, count = CTYPES[output.dtype], data.element_count
    return KernelCall(
        function="ep_cast_ref",
        emit=lambda s: f"{made}({ctype}, {s.input(0)}, {s.output(0)}, {count}U);",
        headers=("ep_cast.h",),
        work=Work(outputs=count),
    )


TYPES = _INTEGERS
KERNELS = {OpKind.CAST: _ref}
