"""RSQRT and SQRT. Negative inputs, which LiteRT refuses when it runs, give what 0 gives.

Of int8 either is a table; of int16 RSQRT is lines between points, and SQRT is computed (`ep_sqrt_int16.h`).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.fixed_point import multiply_high, requant, shift_left_saturating, shift_right_round
from edgeprune.engine.kernels.operands import activation_type, input_tensor, literal, output_tensor, require
from edgeprune.engine.kernels.pointwise.lookup import VALUES, lookup
from edgeprune.engine.kernels.pointwise.tabulated16 import interpolated
from edgeprune.engine.kernels.requant import CALIBRATE, quantize_multiplier, scale_zero
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_LARGEST = 32767
_EXTRA_BITS = 20  # of the inverse root before it is scaled


def inverse_root(value: int) -> tuple[int, int]:
    """(multiplier, shift) with `1 / sqrt(value) ~ multiplier * 2**(shift - 31)`: five Newton steps in Q3.28.

    Args:
        value: from 0 (taken as 1) to 2**29 - 1.
    """
    if value <= 1:
        return (1 << 31) - 1, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    shift = 11 - pairs
    start = np.int64(value << 2 * pairs) >> 1
    half = shift_right_round(np.asarray(start), 1)
    x = np.asarray(np.int64(1 << 28))
    for _ in range(5):
        cube = shift_left_saturating(multiply_high(multiply_high(x, x), x), 6)
        x = shift_left_saturating(multiply_high(np.asarray(np.int64(3 << 27)), x) - multiply_high(half, cube), 3)
    multiplier = int(multiply_high(x, 1518500250))  # sqrt(1/2)
    return (multiplier << -shift, 0) if shift < 0 else (multiplier, -shift)


def _inverse_table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    multiplier, shift = quantize_multiplier(1 / (float(np.float32(sqrt(in_scale))) * out_scale))
    if shift - _EXTRA_BITS < -31:
        raise ModelError(
            f"RSQRT {op.name!r}: scales of {in_scale:g} and {out_scale:g} leave every output on its zero point, by a "
            "shift of more than 31 bits that LiteRT leaves undefined",
            CALIBRATE,
        )
    results = []
    for value in VALUES.tolist():
        if value <= in_zero:
            results.append(127)
            continue
        root_multiplier, root_shift = inverse_root(value - in_zero)
        root = requant(np.asarray(np.int64(1)), root_multiplier, root_shift + _EXTRA_BITS)
        results.append(int(requant(root, multiplier, shift - _EXTRA_BITS)) + out_zero)
    return np.array(results)


def _root_table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    reals = np.sqrt(np.float32(in_scale) * np.maximum(VALUES - in_zero, 0).astype(np.float32))
    steps = np.trunc(reals / np.float32(out_scale))
    if not steps.max() < 1 << 31:
        raise ModelError(
            f"SQRT {op.name!r}: scales of {in_scale:g} and {out_scale:g} give {steps.max():.1e} steps, beyond int32, "
            "where LiteRT's are undefined",
            CALIBRATE,
        )
    return np.asarray(steps + out_zero)


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    return (_inverse_table if op.kind is OpKind.RSQRT else _root_table)(op, data, output)


def _inverse_root16(graph: Graph, op: Op) -> KernelCall:
    output = graph.output_of(op)

    def function(x: np.float32) -> np.float32:
        if x > 0:
            return np.float32(1 / np.sqrt(x))
        return np.float32(_LARGEST) * np.float32(scale_zero(output)[0])

    return interpolated(graph, op, function)


def _root16(graph: Graph, op: Op) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT16), output_tensor(graph, op, DType.INT16)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")

    def emit(s: Symbols) -> str:
        scales = ", ".join(literal(scale_zero(tensor)[0]) for tensor in (data, output))
        return f"ep_sqrt_int16_ref({scales}, {s.input(0)}, {s.output(0)}, {data.element_count}U);"

    return KernelCall(
        function="ep_sqrt_int16_ref",
        emit=emit,
        sources=("ref/sqrt_int16.c", "ref/float_unary.c", "ref/float_exponential.c"),
        headers=("ep_sqrt_int16.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
    )


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    if activation_type(graph, op) is DType.INT16:
        return (_inverse_root16 if op.kind is OpKind.RSQRT else _root16)(graph, op)
    return _TABLE(graph, op, isa, optimize)


_TABLE = lookup(_table)
TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.SQRT: _ref, OpKind.RSQRT: _ref}
