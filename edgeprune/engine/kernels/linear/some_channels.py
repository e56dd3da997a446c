"""Layers cut by channels: the few that a fast kernel cannot be proved for go on the plain one, their neighbours stay.

The fast kernel makes every channel, harmless constants in the place of those few; the plain one writes over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant, KernelCall, Shared, Symbols, Work
from edgeprune.engine.kernels.linear.dense import read_dense
from edgeprune.engine.kernels.linear.dense_steps import dense_steps
from edgeprune.engine.kernels.linear.filters import Bools, Filters, read_filters
from edgeprune.engine.kernels.linear.harmless import harmless
from edgeprune.engine.kernels.operands import image_calls, params, table
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import Scaling, accumulator_range, layer_scaling
from edgeprune.ir import Conv2dAttrs, Graph, Op, OpKind, attrs_of

_MOST_SHARE = 0.5
_SUM_LIMITS = (1 << 30, 1 << 23, 1 << 22)  # of the kernels of all instruction sets, of two ways of some, of scalar ones
_SHIFTS = range(-22, 0)  # that every fast way of requantization has

Lowered = Callable[[Graph, Op], KernelCall | None]


def cut_by_channels(graph: Graph, op: Op, fast: Lowered) -> KernelCall | None:
    """The call of a fast kernel with the channels it fails for patched; None where it is not for a few channels.

    Args:
        fast: the fast kernel for an op, None where it cannot; it could not for this one.
    """
    filters = read_filters(graph, op)
    if filters is None or op.kind is OpKind.TRANSPOSE_CONV or any(filters.weights_zero):
        return None
    for outliers in _outliers(graph, op, filters):
        if not 0 < outliers.sum() <= _MOST_SHARE * len(outliers):
            continue
        constant = filters.requantized(np.zeros((filters.channels, 1), np.int64))[:, 0]
        made = harmless(filters, outliers, constant, np.zeros(filters.channels, np.int64))
        if made is None:
            return None
        count = len(graph.tensors)
        calm = replace(op, inputs=(op.inputs[0], count, count + 1))
        ops = tuple(calm if other is op else other for other in graph.ops)
        call = fast(replace(graph, tensors=(*graph.tensors, *made), ops=ops), calm)
        if call is not None:
            return _both(call, _patch(graph, op, filters, np.flatnonzero(outliers)), filters.channels)
    return None


def _outliers(graph: Graph, op: Op, filters: Filters) -> Iterator[Bools]:
    """(channels,) which may be at fault: more and more of them."""
    rows = filters.rows.reshape(filters.channels, -1)
    low, high = accumulator_range(rows, filters.bias - scale_zero(filters.data)[1] * rows.sum(axis=1))
    reach = np.maximum(-low, high)
    if op.kind is OpKind.FULLY_CONNECTED:
        factors = read_dense(graph, op).factors
        odd = ~factors.solved | ~np.isin(factors.shift, _SHIFTS) | (factors.multiplier <= 0)
    else:
        scaling = layer_scaling(op, filters.data, filters.weights, filters.output, filters.channels)
        odd = ~np.isin(scaling.shift, _SHIFTS) | (scaling.multiplier <= 0)
    for limit in _SUM_LIMITS:
        yield odd | (reach >= limit)
    yield odd | (reach >= _SUM_LIMITS[-1]) | (rows == -128).any(axis=1)


def _patch(graph: Graph, op: Op, filters: Filters, channels: NDArray[np.intp]) -> Callable[[int], KernelCall | None]:
    """What makes the call for some channels, given the bytes from one pixel of the output to the next."""
    if op.kind is not OpKind.FULLY_CONNECTED:
        scaling = layer_scaling(op, filters.data, filters.weights, filters.output, filters.channels)
        return _Part(filters, scaling, channels).call
    call = dense_steps(read_dense(graph, op), channels)
    return lambda out_pixel: call if out_pixel == filters.channels else None


@dataclass(frozen=True, eq=False)
class _Part:
    """Some channels of a layer."""

    filters: Filters
    scaling: Scaling
    channels: NDArray[np.intp]

    def call(self, out_pixel: int) -> KernelCall:
        """`out_pixel`: bytes from one pixel of the output to the next."""
        filters, chosen, op = self.filters, self.channels, self.filters.op
        count, rows = len(chosen), filters.rows[chosen]
        pixels = filters.output.element_count // filters.channels

        def definitions(s: Symbols) -> str:
            low, high = activation_range(op.activation, filters.output)
            arrays = {role: s.constant(role) for role in ("weights", "bias", "multiplier", "shift", "channels")}
            ends = {
                "out_pixel": out_pixel, "count": count, "in_zero": scale_zero(filters.data)[1],
                "out_zero": scale_zero(filters.output)[1], "out_min": low, "out_max": high,
            }  # fmt: skip
            return params(s, "ep_some_channels_t", {**arrays, **self._geometry(), **ends})

        return KernelCall(
            function="ep_some_channels_ref",
            emit=lambda s: image_calls(s, "ep_some_channels_ref", filters.data, filters.output),
            sources=("ref/some_channels.c",),
            headers=("ep_some_channels.h",),
            constants=(
                Constant("weights", "int8_t", rows.size, 1, values=lambda: rows.reshape(-1).astype(np.int8)),
                Constant("bias", "int32_t", count, 4, values=lambda: filters.bias[chosen].astype(np.int32)),
                table("multiplier", "int32_t", count, lambda: self.scaling.multiplier[chosen].astype(np.int32)),
                table("shift", "int8_t", count, lambda: self.scaling.shift[chosen].astype(np.int8)),
                table("channels", "uint16_t", count, lambda: chosen.astype(np.uint16)),
            ),
            work=Work(macs=pixels * rows.size, outputs=pixels * count),
            definitions=definitions,
        )

    def _geometry(self) -> Mapping[str, object]:
        filters = self.filters
        (_, in_h, in_w, in_c), (_, out_h, out_w, _) = filters.data.shape, filters.output.shape
        attrs, taps, group = attrs_of(filters.op, Conv2dAttrs), filters.weights.shape[1:3], filters.rows.shape[2]
        return {
            "in_h": in_h, "in_w": in_w, "in_c": in_c, "out_h": out_h, "out_w": out_w,
            "group_in_c": group, "group_out_c": filters.channels * group // in_c,
            "kernel_h": taps[0], "kernel_w": taps[1], "stride_h": attrs.stride[0], "stride_w": attrs.stride[1],
            "dilation_h": attrs.dilation[0], "dilation_w": attrs.dilation[1],
            "pad_top": attrs.pad[0], "pad_left": attrs.pad[2],
        }  # fmt: skip


def _both(fast: KernelCall, patched: Callable[[int], KernelCall | None], out_pixel: int) -> KernelCall | None:
    patch = patched(out_pixel)
    if patch is None:
        return None

    def definitions(s: Symbols) -> str:
        own = fast.definitions(s) if fast.definitions else ""
        return own + (patch.definitions(_PartNames(s)) if patch.definitions else "")

    def spread(pixel_bytes: int) -> KernelCall | None:
        call = fast.spread(pixel_bytes) if fast.spread is not None else None
        return None if call is None else _both(call, patched, pixel_bytes)

    shared: tuple[Shared, ...] = fast.shared
    return KernelCall(
        function=fast.function,
        emit=lambda s: f"{fast.emit(s)}\n{patch.emit(_PartNames(s))}",
        sources=tuple(dict.fromkeys((*fast.sources, *patch.sources))),
        headers=tuple(dict.fromkeys((*fast.headers, *patch.headers))),
        constants=(
            *fast.constants, *(replace(constant, role=f"some_{constant.role}") for constant in patch.constants)
        ),
        scratch_bytes=fast.scratch_bytes,
        spread=spread if fast.spread is not None else None,
        work=fast.work,
        definitions=definitions,
        shared=shared,
        parts=((fast, 1), (patch, 1)),
    )  # fmt: skip


@dataclass(frozen=True)
class _PartNames:
    """`Symbols` of the patch inside its layer."""

    whole: Symbols

    @property
    def layer(self) -> str:
        return f"{self.whole.layer}_some"

    def input(self, index: int) -> str:
        return self.whole.input(index)

    def output(self, index: int) -> str:
        return self.whole.output(index)

    def state(self, index: int) -> str:
        return self.whole.state(index)

    def input_offset_bytes(self, index: int) -> int:
        return self.whole.input_offset_bytes(index)

    def output_offset_bytes(self, index: int) -> int:
        return self.whole.output_offset_bytes(index)

    def scratch(self) -> str:
        return self.whole.scratch()

    def constant(self, role: str) -> str:
        return self.whole.constant(f"some_{role}")
