"""A float graph and the ranges of its activations become the int8 (or int16x8) graph."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.quantize.form import Form, never_negative_scales, quantized_form
from edgeprune.quantize.sums import with_linear_sums
from edgeprune.quantize.tables import tabulated
from edgeprune.quantize.weights import (
    INT8,
    LEAST_SCALE,
    Bits,
    Rounding,
    quantize_bias_beside,
    quantize_layer,
    to_nearest,
)

_LIMITS = {DType.INT8: (-128, 127), DType.INT16: (-32768, 32767)}


@dataclass(frozen=True)
class Range:
    """Least and greatest real value a tensor must be able to hold; zero is held always."""

    low: float
    high: float

    def joined(self, other: Range) -> Range:
        return Range(min(self.low, other.low), max(self.high, other.high))


Ranges = Mapping[int, Range]
"""Float tensor -> its range."""


def quantized(
    graph: Graph, ranges: Ranges, bits: Bits = INT8, rounding: Rounding = to_nearest, int16: Container[str] = ()
) -> Graph:
    """The quantized graph, ready to be written.

    Args:
        graph: float, in normal form, every constant with data.
        ranges: of every activation that has a scale of its own (`quantized_form`), by index in `graph`.
        rounding: of weights.
        int16: names of operators with int16 activations beside those of `bits`.

    Raises:
        ModelError: an activation without a range, a weight that is not finite.
    """
    form = quantized_form(graph, bits.dtype, int16)
    scales = activation_qparams(form, ranges, bits.dtype)
    if bits.dtype is DType.INT8:
        scales = with_linear_sums(form, scales)
    tensors = list(form.graph.tensors)
    for index, qparams in scales.items():
        tensors[index] = _activation(tensors[index], qparams, form.dtype_of.get(index, bits.dtype))
    done = dict[int, Op]()
    for op in form.graph.ops:
        if op.traits.has_weights:
            first = done.setdefault(op.inputs[1], op)
            own = replace(bits, activations=16) if tensors[op.inputs[0]].dtype is DType.INT16 else bits
            if first is op:
                quantize_layer(op, tensors, own, rounding)
            elif len(op.inputs) > 2 and len(first.inputs) > 2:
                quantize_bias_beside(op, first, form.graph.tensors, tensors, own)
    return tabulated(replace(form.graph, tensors=tuple(tensors)))


def activation_qparams(form: Form, ranges: Ranges, dtype: DType) -> dict[int, QParams]:
    """Scale and zero point of every activation and of every constant that is read like one."""
    found: dict[int, QParams] = {}
    never_negative = never_negative_scales(form)
    constants: dict[int, list[int]] = {}
    for owner, members in form.sharing().items():
        own = form.dtype_of.get(owner, dtype)
        known = [r for index in members if (r := ranges.get(form.origin.get(index, index))) is not None]
        if owner in form.fixed:
            qparams = form.fixed[owner]
        elif known:
            joined = _joined(known)
            may_be_negative = owner not in never_negative and owner not in form.graph.inputs
            qparams = qparams_of(_below_zero(joined) if may_be_negative else joined, own)
        else:
            constants[owner] = members
            continue
        found |= dict.fromkeys(members, qparams)
    for owner, members in constants.items():
        held = [r for index in members if (r := _constant_range(form, index, found, dtype)) is not None]
        if not held:
            raise ModelError(f"no range is known for {form.graph.tensors[owner].name!r}")
        qparams = qparams_of(_below_zero(_joined(held)), form.dtype_of.get(owner, dtype))
        found |= dict.fromkeys(members, qparams)
    return found


def _joined(ranges: Sequence[Range]) -> Range:
    return reduce(Range.joined, ranges)


def _below_zero(range_: Range) -> Range:
    """With a step below zero at least: what the samples never made negative may still become so, and zero is the lowest
    value of those scales alone that no operator goes below, which the engine's choice of kernels rests on."""
    return Range(min(range_.low, -range_.high / 254), range_.high)


def qparams_of(range_: Range, dtype: DType = DType.INT8) -> QParams:
    """The scale that reaches over the range and zero, and the zero point on it; int16 is symmetric."""
    first, last = _LIMITS[dtype]
    low, high = min(range_.low, 0.0), max(range_.high, 0.0)
    if dtype is DType.INT16:
        return QParams((float(np.float32(max(-low, high, LEAST_SCALE) / last)),), (0,))
    scale = float(np.float32(max((high - low) / (last - first), LEAST_SCALE)))
    zero_point = int(np.clip(round(first - low / scale), first, last))
    return QParams((scale,), (zero_point,))


def _constant_range(form: Form, index: int, scales: Mapping[int, QParams], dtype: DType) -> Range | None:
    """What a constant holds, as far as sums that read it can show it. Beside activations of its scale it has no say: an
    output they share holds what matters of it, and a limit that is never reached is as good at the end of the scale.

    Args:
        scales: of activations.
        dtype: of those that have no other.
    """
    graph, data = form.graph, form.graph.tensors[index].data
    if data is None or not np.isfinite(data).all():
        return None
    reach = {one: _reach(qparams, form.dtype_of.get(one, dtype)) for one, qparams in scales.items()}
    shown = [_shown(graph.ops[reader], index, reach) for reader in graph.consumers.get(index, ())]
    sums = [one for one in shown if one is not None]
    low, high = float(data.min(initial=0)), float(data.max(initial=0))
    if not sums or len(sums) < len(shown):
        return Range(low, high)
    most = _joined(sums)
    return Range(max(low, most.low), min(high, most.high))


def _shown(op: Op, constant: int, reach: Mapping[int, Range]) -> Range | None:
    """From where to where the constant of a sum changes its output; None for any other operator.

    What attention adds to what it must not see lies far beyond, and with a scale as coarse as that LiteRT's fast
    kernels overflow.
    """
    others = [index for index in op.inputs if index != constant]
    if op.kind not in (OpKind.ADD, OpKind.SUB) or len(others) != 1 or not {*others, *op.outputs} <= reach.keys():
        return None
    other, result = reach[others[0]], reach[op.outputs[0]]
    if op.kind is OpKind.ADD:
        return Range(result.low - other.high, result.high - other.low)
    if op.inputs[0] == constant:
        return Range(result.low + other.low, result.high + other.high)
    return Range(other.low - result.high, other.high - result.low)


def _reach(qparams: QParams, dtype: DType) -> Range:
    low, high = ((end - qparams.zero_point[0]) * qparams.scale[0] for end in _LIMITS[dtype])
    return Range(low, high)


def _activation(tensor: Tensor, qparams: QParams, dtype: DType) -> Tensor:
    if tensor.data is None:
        return replace(tensor, dtype=dtype, qparams=qparams)
    first, last = _LIMITS[dtype]
    steps = np.round(tensor.data.astype(np.float64) / qparams.scale[0]) + qparams.zero_point[0]
    kind = np.int16 if dtype is DType.INT16 else np.int8
    return replace(tensor, dtype=dtype, qparams=qparams, data=np.clip(steps, first, last).astype(kind))
