"""LOGISTIC, TANH, GELU, EXP, LOG and RSQRT of int16: straight lines between points of the function."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, log2

import numpy as np

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.interpolation import logistic_points, points, shared_table
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, place, require, table
from edgeprune.engine.kernels.requant import CALIBRATE, scale_zero
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_NEAR_POWER = 1e-3  # of a scale's logarithm
_POWERS = {OpKind.LOGISTIC: (-12,), OpKind.TANH: (-12, -11)}
_UNITS = 12288  # of the real value in the input of the kernels
_LARGEST = 32767


def interpolated(graph: Graph, op: Op, function: Callable[[np.float32], np.float32]) -> KernelCall:
    """The call of LOGISTIC, TANH, or another `function` in float32."""
    data, output = input_tensor(graph, op, 0, DType.INT16), output_tensor(graph, op, DType.INT16)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    if op.kind in (OpKind.LOGISTIC, OpKind.TANH):
        return _sigmoid(graph, op, data, output)

    def values() -> np.ndarray:
        scale, out_scale = np.float32(scale_zero(data)[0]), scale_zero(output)[0]
        least = np.float32(-32768) * np.float32(out_scale)  # what LiteRT takes where the logarithm is no number

        def at(x: np.float32) -> np.float32:
            result = function(x)
            return least if np.isneginf(result) else result

        try:
            return points(at, scale * np.float32(-32768), scale * np.float32(32767), out_scale)
        except OverflowError as infinite:
            raise ModelError(
                f"{place(graph, op)}: inputs up to {float(scale) * 32767:g} give results beyond float32, "
                "where LiteRT's are undefined",
                CALIBRATE,
            ) from infinite

    made: Constant = table("points", "int16_t", 513, values if data.qparams is not None else None)
    return KernelCall(
        function="ep_interpolate_int16_ref",
        emit=lambda s: (
            f"ep_interpolate_int16_ref({s.constant('points')}, {s.input(0)}, {s.output(0)}, {data.element_count}U);"
        ),
        sources=("ref/interpolate.c",),
        headers=("ep_interpolate.h",),
        constants=(made,),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
    )


def _sigmoid(graph: Graph, op: Op, data: Tensor, output: Tensor) -> KernelCall:
    function = "ep_tanh_int16_ref" if op.kind is OpKind.TANH else "ep_logistic_int16_ref"

    def definitions(s: Symbols) -> str:
        scale, _ = scale_zero(output)
        require(graph, op, abs(log2(scale) + 15) < _NEAR_POWER, "its output must have a scale of 1/32768")
        multiplier, shift = _factor(graph, op, scale_zero(data)[0])
        fields = {"table": "ep_points_logistic", "multiplier": multiplier, "shift": shift}
        return params(s, "ep_sigmoid16_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {data.element_count}U);",
        sources=("ref/sigmoid16.c",),
        headers=("ep_sigmoid16.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
        definitions=definitions,
        shared=(shared_table("ep_points_logistic", logistic_points()),),
    )


def _factor(graph: Graph, op: Op, scale: float) -> tuple[int, int]:
    """(multiplier, right shift) of the input. Scales of 2^-12 (TANH: 2^-11, too), and those near, need no shift."""
    power = floor(log2(scale) + 0.5)
    if abs(log2(scale) - power) < _NEAR_POWER and power in _POWERS[op.kind]:
        return 3 << power + 12, 0
    multiplier, shift = scale * _UNITS, 0
    if multiplier > _LARGEST:
        raise UnsupportedOp(
            f"{place(graph, op)} reads a scale of {scale:g}: one step is all of it, and beyond LiteRT's int16 factor",
            CALIBRATE,
        )
    while multiplier <= _LARGEST / 2 and shift <= 30:
        multiplier, shift = 2 * multiplier, shift + 1
    return int(multiplier), shift
