"""Operators that are a line above zero and a line below it: tables of 256 results, or arithmetic where an end is int16.

Such an operator is a file with a function that makes its `Slopes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.fixed_point import requant
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, place, require
from edgeprune.engine.kernels.pointwise.lookup import lookup, values_of
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, Tensor

BYTES_AND_INT16 = (DType.INT8, DType.UINT8, DType.INT16)
_FUNCTIONS = {
    (DType.INT16, DType.INT16): "ep_slopes_int16_ref",
    (DType.INT16, DType.INT8): "ep_slopes_int16_int8_ref",
    (DType.INT8, DType.INT16): "ep_slopes_int8_int16_ref",
    (DType.UINT8, DType.INT16): "ep_slopes_uint8_int16_ref",
}


@dataclass(frozen=True)
class Slopes:
    """(multiplier, shift) of values at or above the input's zero point, and below it; the clamp of the output."""

    above: tuple[int, int]
    below: tuple[int, int]
    low: int
    high: int


SlopesMaker = Callable[[Op, Tensor, Tensor], Slopes]


def by_slopes(
    make: SlopesMaker, dtypes: tuple[DType, ...] = (DType.INT8, DType.INT16)
) -> Callable[[Graph, Op, Isa, Optimize], KernelCall]:
    """The kernel of an operator.

    Args:
        dtypes: of input and output.
    """

    def results(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
        slopes, x = make(op, data, output), (values_of(data) - scale_zero(data)[1]).astype(np.int64)
        found = np.where(x >= 0, requant(x, *slopes.above), requant(x, *slopes.below)) + scale_zero(output)[1]
        return np.asarray(np.clip(found, slopes.low, slopes.high))

    table = lookup(results, tuple(dtype for dtype in dtypes if dtype is not DType.INT16))

    def kernel(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
        data, output = input_tensor(graph, op, 0, *dtypes), output_tensor(graph, op, *dtypes)
        if DType.INT16 not in (data.dtype, output.dtype):
            return table(graph, op, isa, optimize)
        return arithmetic(graph, op, data, output, make)

    return kernel


def arithmetic(graph: Graph, op: Op, data: Tensor, output: Tensor, make: SlopesMaker) -> KernelCall:
    """The plain call where an end is int16."""
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    function = _FUNCTIONS.get((data.dtype, output.dtype))
    if function is None:
        raise UnsupportedOp(
            f"{place(graph, op)} turns {data.dtype} into {output.dtype}, which LiteRT refuses",
            "have the model's end int8, int16 or float32",
        )

    def definitions(s: Symbols) -> str:
        slopes = make(op, data, output)
        fields = {
            "above_multiplier": slopes.above[0], "above_shift": slopes.above[1],
            "below_multiplier": slopes.below[0], "below_shift": slopes.below[1],
            "in_zero": scale_zero(data)[1], "out_zero": scale_zero(output)[1],
            "out_min": slopes.low, "out_max": slopes.high,
        }  # fmt: skip
        return params(s, "ep_slopes_t", fields)

    in_place = output.size_bytes <= data.size_bytes
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {data.element_count}U);",
        sources=("ref/slopes.c",),
        headers=("ep_slopes.h",),
        overlaps=(Overlap(0, "forward", 0),) if in_place else (),
        work=Work(outputs=data.element_count),
        definitions=definitions,
    )
