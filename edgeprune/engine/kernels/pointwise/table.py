"""TABLE: each value picks the row of a constant table that it is the index of.

Of bytes the least value picks the first row, of int16 zero does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.movement.views import check_types
from edgeprune.engine.kernels.operands import as_constant, input_tensor, plain_name, require
from edgeprune.engine.kernels.pointwise.lookup import BYTES
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_ALL = 256


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, rows = input_tensor(graph, op, 0, *BYTES, DType.INT16), graph.tensors[op.inputs[1]]
    output = graph.output_of(op)
    check_types(graph, op, rows, output)
    count, row_bytes = data.element_count, rows.dtype.size_bytes(prod(rows.shape[1:]))
    require(graph, op, output.shape == (*data.shape, *rows.shape[1:]), f"{rows.shape} into {output.shape}")
    is_whole = data.dtype is not DType.UINT8 or rows.shape[0] == _ALL
    require(graph, op, is_whole, f"{rows.shape[0]} rows for {data.dtype}")
    table = as_constant("table", rows, _by_byte(data, rows))
    if row_bytes == 1 and rows.shape[0] == _ALL and data.dtype is not DType.INT16:
        return _lookup(data, rows, table)

    function = plain_name("ep_rows", data.dtype)

    def emit(s: Symbols) -> str:
        sizes = f"{count}U, {rows.shape[0]}U, {row_bytes}U"
        return f"{function}({s.constant('table')}, {_bytes(data, s.input(0))}, {s.output(0)}, {sizes});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/rows.c",),
        headers=("ep_rows.h",),
        constants=(table,),
        work=Work(outputs=count * row_bytes),
    )


def _by_byte(data: Tensor, rows: Tensor) -> Callable[[], np.ndarray] | None:
    """The rows in the order of the bytes taken as int8: of uint8 those from 128 on come first."""
    values = rows.data
    if data.dtype is not DType.UINT8 or values is None:
        return None
    return lambda: np.roll(values, -_ALL // 2, axis=0).reshape(-1)


def _bytes(tensor: Tensor, expression: str, const: str = "const ") -> str:
    return expression if tensor.dtype is not DType.UINT8 else f"({const}int8_t *){expression}"


def _lookup(data: Tensor, rows: Tensor, table: Constant) -> KernelCall:
    def emit(s: Symbols) -> str:
        ends = f"{_bytes(rows, s.constant('table'))}, {_bytes(data, s.input(0))}, {_bytes(rows, s.output(0), '')}"
        return f"ep_lookup_ref({ends}, {data.element_count}U);"

    return KernelCall(
        function="ep_lookup_ref",
        emit=emit,
        sources=("ref/lookup.c",),
        headers=("ep_lookup.h",),
        constants=(table,),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
    )


KERNELS = {OpKind.TABLE: _ref}
