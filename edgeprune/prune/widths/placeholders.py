"""A quantized graph before there are values: what a network's size is predicted from."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import DType, Graph, QParams
from edgeprune.quantize.form import Form, never_negative_scales
from edgeprune.quantize.sums import with_linear_sums
from edgeprune.quantize.tables import tabulated

_SCALE = 0.002  # so fine that a RELU6 ends at the last step, as with scales from data
_ZERO_POINTS = 100  # as a ReLU's output that shares a scale with negative ones ends at its own
_STEP = 2.0**-12  # between two scales, of the first; none of them is one that the specification sets


def placeholders(form: Form) -> Graph:
    """The int8 graph without values: types, scales of the right form, zero point -128 where nothing is ever negative.

    Tensors have equal scales and zero points where the form makes them so, and nowhere else; all outputs of the
    network have one.
    """
    graph = form.graph
    scales = with_linear_sums(form, _scales(form))
    tensors = [
        tensor
        if tensor.dtype is not DType.FLOAT32
        else replace(tensor, dtype=form.dtype_of.get(index, DType.INT8), data=None)
        for index, tensor in enumerate(graph.tensors)
    ]
    for index, qparams in scales.items():
        tensors[index] = replace(tensors[index], qparams=qparams)
    for op in graph.ops:
        axis = op.traits.weight_output_axis
        if axis is None:
            continue
        channels = tensors[op.inputs[1]].shape[axis]
        tensors[op.inputs[1]] = replace(tensors[op.inputs[1]], dtype=DType.INT8, qparams=per_channel(channels, axis))
        if len(op.inputs) > 2:
            bias = DType.INT64 if tensors[op.inputs[0]].dtype is DType.INT16 else DType.INT32
            tensors[op.inputs[2]] = replace(tensors[op.inputs[2]], dtype=bias, qparams=per_channel(channels, 0))
    return tabulated(replace(graph, tensors=tuple(tensors)))


def per_channel(channels: int, axis: int) -> QParams:
    return QParams((1.0,) * channels, (0,) * channels, axis)


def _scales(form: Form) -> dict[int, QParams]:
    positive, sharing = never_negative_scales(form), form.sharing()
    number = {owner: position for position, owner in enumerate(sharing)}
    ends = {form.scale_of[index] for index in form.graph.outputs}
    number |= dict.fromkeys(ends, number[form.scale_of[form.graph.outputs[0]]])
    found: dict[int, QParams] = {}
    for owner, members in sharing.items():
        scale = _SCALE * (1.0 + number[owner] * _STEP)
        if form.dtype_of.get(owner) is DType.INT16:
            found |= dict.fromkeys(members, form.fixed.get(owner, QParams((scale,), (0,))))
            continue
        zero_point = -128 if owner in positive else -(number[owner] % _ZERO_POINTS)
        found |= dict.fromkeys(members, form.fixed.get(owner, QParams((scale,), (zero_point,))))
    return found
