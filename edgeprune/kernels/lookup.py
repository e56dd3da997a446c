"""Operators that map one int8 value to another: a table of 256 results worked out by the generator.

One kernel runs them all, so each such operator is a file with a `table` function and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.ir import DType, Graph, Op, Tensor
from edgeprune.kernels.base import KernelCall, Optimize, Overlap, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, require, table
from edgeprune.target.profile import Isa

VALUES = np.arange(-128, 128)

TableMaker = Callable[[Op, Tensor, Tensor], np.ndarray]
"""(op, input, output) -> (256,) results, out of int8 range allowed, for the inputs `VALUES`."""


def lookup(make: TableMaker) -> Callable[[Graph, Op, Isa, Optimize], KernelCall]:
    """The candidate that runs an operator through its table."""

    def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
        data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
        require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
        count = data.element_count
        known = data.qparams is not None

        def values() -> np.ndarray:
            return np.clip(make(op, data, output), -128, 127).astype(np.int8)

        return KernelCall(
            function="ep_lookup_ref",
            emit=lambda s: f"ep_lookup_ref({s.constant('table')}, {s.input(0)}, {s.output(0)}, {count}U);",
            sources=("ref/lookup.c",),
            headers=("ep_lookup.h",),
            constants=(table("table", "int8_t", 256, values if known else None),),
            overlaps=(Overlap(0, "forward", 0),),
            work=Work(outputs=count),
        )

    return candidate
