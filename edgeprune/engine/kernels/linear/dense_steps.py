"""Dense outputs by the sums at which they change: LiteRT's bytes where no 32-bit factor gives them.

A sum that spans much of int32 meets steps that no product of 32 bits hits all. The output is a step function of the
sum all the same: it is stored, at most 255 sums a channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.linear.dense import Dense
from edgeprune.engine.kernels.linear.single_rounding import first_reaching
from edgeprune.engine.kernels.operands import params, table
from edgeprune.engine.kernels.requant import activation_range, scale_zero

_FIRST, _LAST = -128, 127


def dense_steps(layer: Dense, channels: NDArray[np.intp]) -> KernelCall:
    """The call that makes these channels of a layer, between the others where they are not all."""
    rows = layer.integer_rows[channels]
    bias = np.zeros(layer.out_len) if layer.bias is None or layer.bias.data is None else layer.bias.data.reshape(-1)
    bases, ends, steps = _tables(layer, channels)
    count = len(channels)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        roles = ("weights", "bias", "steps", "ends", "bases", "channels")
        fields = {role: s.constant(role) for role in roles if role != "steps" or len(steps)} | {
            "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len, "count": count,
            "in_zero": scale_zero(layer.data)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_steps_t", fields)

    return KernelCall(
        function="ep_dense_steps_ref",
        emit=lambda s: f"ep_dense_steps_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/dense_steps.c",),
        headers=("ep_dense_steps.h",),
        constants=(
            Constant("weights", "int16_t", rows.size, 2, values=lambda: rows.reshape(-1).astype(np.int16)),
            Constant("bias", "int32_t", count, 4, values=lambda: bias[channels].astype(np.int32)),
            table("steps", "int32_t", len(steps), lambda: steps.astype(np.int32)),
            table("ends", "uint32_t", count, lambda: ends.astype(np.uint32)),
            table("bases", "int16_t", count, lambda: bases.astype(np.int16)),
            table("channels", "uint16_t", count, lambda: channels.astype(np.uint16)),
        ),
        overlaps=(Overlap(0, "forward", _lead_bytes(layer)),) if count == layer.out_len else (),
        work=Work(macs=layer.rows * rows.size, outputs=layer.rows * count),
        definitions=definitions,
    )


def _lead_bytes(layer: Dense) -> int:
    """A row is read again for each of its outputs, rows ascend."""
    return max(layer.out_len - 1, (layer.rows - 1) * (layer.out_len - layer.in_len) + layer.out_len - 1)


def _tables(layer: Dense, channels: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per channel the output of its least sum and where its steps end; all steps, channel after channel."""
    low, high = (sums[channels, None] for sums in layer.sums)
    real = np.broadcast_to(layer.real_factors, layer.out_len)[channels, None]
    values = np.arange(_FIRST + 1, _LAST + 1, dtype=np.int64)[None, :]
    first = first_reaching(values - scale_zero(layer.output)[1], real, low, high)
    inside = (first > low) & (first <= high)
    return _FIRST + (first <= low).sum(axis=1), np.cumsum(inside.sum(axis=1)), first[inside]
