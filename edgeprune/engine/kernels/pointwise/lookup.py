"""Operators that map one int8 value to another: a table of 256 results worked out by the generator.

One kernel runs them all, so each such operator is a file with a `table` function and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require, table
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, Tensor

VALUES = np.arange(-128, 128)
BYTES = (DType.INT8, DType.UINT8)
"""Element types a table can stand for: it is looked up by the byte, whatever that means."""

TableMaker = Callable[[Op, Tensor, Tensor], np.ndarray]
"""(op, input, output) -> (256,) results for `values_of(input)`, out of the output's range allowed."""


def values_of(data: Tensor) -> np.ndarray:
    """The 256 values of a tensor of `BYTES` in the order of their bytes as int8."""
    return VALUES if data.dtype is DType.INT8 else VALUES & 0xFF


def lookup(
    make: TableMaker, dtypes: Sequence[DType] = (DType.INT8,)
) -> Callable[[Graph, Op, Isa, Optimize], KernelCall]:
    """The candidate that runs an operator through its table.

    Args:
        dtypes: of input and output.
    """

    def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
        data, output = input_tensor(graph, op, 0, *dtypes), output_tensor(graph, op, *dtypes)
        require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
        count = data.element_count
        known = data.qparams is not None

        def values() -> np.ndarray:
            low, high = (-128, 127) if output.dtype is DType.INT8 else (0, 255)
            results = np.clip(make(op, data, output), low, high).astype(np.int64)
            return (results & 0xFF).astype(np.uint8).view(np.int8)

        def emit(s: Symbols) -> str:
            ends = f"(const int8_t *){s.input(0)}, (int8_t *){s.output(0)}"
            if data.dtype is output.dtype is DType.INT8:
                ends = f"{s.input(0)}, {s.output(0)}"
            return f"ep_lookup_ref({s.constant('table')}, {ends}, {count}U);"

        return KernelCall(
            function="ep_lookup_ref",
            emit=emit,
            sources=("ref/lookup.c",),
            headers=("ep_lookup.h",),
            constants=(table("table", "int8_t", 256, values if known else None),),
            overlaps=(Overlap(0, "forward", 0),),
            work=Work(outputs=count),
        )

    return candidate
