"""The int8 graph at any channel counts, in well under a millisecond per hundred tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

from edgeprune.errors import UsageError
from edgeprune.ir import Activation, DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.model.draft import moves_bytes
from edgeprune.model.trace import TracedModel
from edgeprune.prune.channels import ChannelGroups, Extent
from edgeprune.prune.conversion import as_converted

_PER_CHANNEL_AXIS = {
    OpKind.CONV_2D: 0, OpKind.TRANSPOSE_CONV: 0, OpKind.FULLY_CONNECTED: 0, OpKind.DEPTHWISE_CONV_2D: 3
}  # fmt: skip
_FIXED_SCALE = {
    OpKind.LOGISTIC: QParams((1 / 256,), (-128,)), OpKind.SOFTMAX: QParams((1 / 256,), (-128,)),
    OpKind.TANH: QParams((1 / 128,), (0,)),
}  # fmt: skip
_KEEPS_SCALE = frozenset({
    OpKind.MAX_POOL_2D, OpKind.AVERAGE_POOL_2D, OpKind.PAD, OpKind.PADV2, OpKind.MIRROR_PAD, OpKind.RESHAPE,
    OpKind.TRANSPOSE, OpKind.SLICE, OpKind.STRIDED_SLICE, OpKind.RESIZE_NEAREST_NEIGHBOR, OpKind.RESIZE_BILINEAR,
    OpKind.REDUCE_MAX, OpKind.SQUEEZE, OpKind.EXPAND_DIMS, OpKind.CONCATENATION, OpKind.PACK, OpKind.SPLIT,
    OpKind.SPLIT_V, OpKind.UNPACK, OpKind.GATHER, OpKind.SPACE_TO_DEPTH, OpKind.DEPTH_TO_SPACE,
})  # fmt: skip
_JOINS = frozenset({OpKind.CONCATENATION, OpKind.PACK})
_SIGNED, _POSITIVE = QParams((1.0,), (0,)), QParams((1.0,), (-128,))
_APART = QParams((0.5,), (0,))  # of what is quantized anew
_RECTIFIERS = frozenset({OpKind.RELU, OpKind.RELU6})

_plans: WeakKeyDictionary[ChannelGroups, _Plan] = WeakKeyDictionary()


class _Plan:
    """What is the same at all widths: the int8 graph at full width and what in it depends on them."""

    def __init__(self, traced: TracedModel, groups: ChannelGroups):
        converted = as_converted(traced.graph, groups.extents)
        self.full = _quantized(converted.graph)
        self.shapes: dict[int, tuple[Extent, ...]] = {
            tensor: extents for tensor, extents in converted.extents.items() if any(extent.terms for extent in extents)
        }
        self.weights = {op.inputs[k]: op for op in self.full.ops if op.kind in _PER_CHANNEL_AXIS for k in (1, 2)}
        self.flippable = {
            position
            for position, op in enumerate(self.full.ops)
            if op.kind is OpKind.CONV_2D and op.inputs[1] in self.shapes and self.shapes[op.inputs[1]][3].terms
        }
        self.transposes = {
            position
            for position, op in enumerate(self.full.ops)
            if op.kind is OpKind.TRANSPOSE and op.inputs[0] in self.shapes
        }
        self.slices = {
            position: groups.begins[op.name]
            for position, op in enumerate(self.full.ops)
            if op.kind is OpKind.SLICE and op.outputs[0] in self.shapes
        }


def predicted_graph(traced: TracedModel, groups: ChannelGroups, widths: Mapping[str, int]) -> Graph:
    """The graph the exported model will have once clean, before anything is trained.

    Args:
        traced: the network at full width.
        groups: its channel groups.
        widths: units each group keeps, 1 to its size; a group not named keeps all.

    Returns:
        int8 activations, int8 weights and int32 biases without data, scales as placeholders of the right form
        (per output channel for weights; zero point -128 behind a ReLU).

    Raises:
        UsageError: an unknown group, or a width outside its range.
    """
    counts = checked_widths(groups, widths)
    plan = _plans.get(groups)
    if plan is None:
        plan = _plans.setdefault(groups, _Plan(traced, groups))
    tensors = list(plan.full.tensors)
    for index, extents in plan.shapes.items():
        tensors[index] = _resized(tensors[index], tuple(extent.at(counts) for extent in extents))
    ops = list(plan.full.ops)
    for position, (axis, begin) in plan.slices.items():
        ops[position] = _sliced(ops[position], tensors, axis, begin.at(counts))
    for position in plan.flippable:
        ops[position] = _over_one_channel(ops[position], tensors)
    for position in plan.transposes:
        op = ops[position]
        if not moves_bytes(tensors[op.inputs[0]].shape, op.attrs["permutation"]):
            ops[position] = replace(op, kind=OpKind.RESHAPE, attrs={})
    return replace(plan.full, tensors=tuple(tensors), ops=tuple(ops))


def checked_widths(groups: ChannelGroups, widths: Mapping[str, int]) -> dict[str, int]:
    """All groups' widths, checked.

    Raises:
        UsageError: an unknown group, or a width outside 1 to the group's size.
    """
    counts = groups.full_widths
    for name, width in widths.items():
        if name not in counts:
            raise UsageError(f"no channel group is called '{name}'", hint="edgeprune inspect lists them")
        if not 1 <= width <= counts[name]:
            raise UsageError(f"{width} channels for {name}, which has {counts[name]}", hint="keep at least one")
        counts[name] = width
    return counts


def _quantized(graph: Graph) -> Graph:
    tensors = [replace(tensor, dtype=DType.INT8, qparams=_SIGNED, data=None) for tensor in graph.tensors]
    for op in graph.ops:
        if op.kind in _PER_CHANNEL_AXIS:
            axis = _PER_CHANNEL_AXIS[op.kind]
            weight, bias = op.inputs[1], op.inputs[2]
            channels = tensors[weight].shape[axis]
            tensors[weight] = replace(tensors[weight], qparams=_per_channel(channels, axis))
            tensors[bias] = replace(tensors[bias], dtype=DType.INT32, qparams=_per_channel(channels, 0))
        for output in op.outputs:
            tensors[output] = replace(tensors[output], qparams=_output_qparams(op, tensors))
        if op.kind is OpKind.QUANTIZE:
            tensors[op.inputs[0]] = replace(tensors[op.inputs[0]], qparams=_APART)
        if op.kind in _JOINS and len({tensors[index].qparams for index in op.inputs}) > 1:
            for index in (*op.inputs, *op.outputs):
                _rescale(graph, tensors, index)
    return replace(graph, tensors=tuple(tensors))


def _rescale(graph: Graph, tensors: list[Tensor], tensor: int) -> None:
    """The exporter quantizes what is joined alike; back to the operator that chose the scale."""
    while True:
        tensors[tensor] = replace(tensors[tensor], qparams=_SIGNED)
        maker = graph.producer.get(tensor)
        if maker is None or graph.ops[maker].kind not in _KEEPS_SCALE:
            return
        tensor = graph.ops[maker].inputs[0]


def _output_qparams(op: Op, tensors: list[Tensor]) -> QParams | None:
    if op.kind in _FIXED_SCALE:
        return _FIXED_SCALE[op.kind]
    if op.attrs.get("activation") in (Activation.RELU, Activation.RELU6) or op.kind in _RECTIFIERS:
        return _POSITIVE
    return tensors[op.inputs[0]].qparams if op.kind in _KEEPS_SCALE else _SIGNED


def _per_channel(channels: int, axis: int) -> QParams:
    return QParams((1.0,) * channels, (0,) * channels, axis)


def _resized(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    qparams = tensor.qparams
    if qparams is not None and qparams.axis is not None and len(qparams.scale) != shape[qparams.axis]:
        qparams = _per_channel(shape[qparams.axis], qparams.axis)
    return Tensor(tensor.name, shape, tensor.dtype, qparams, None, tensor.is_constant)


def _sliced(op: Op, tensors: list[Tensor], axis: int, begin: int) -> Op:
    begins = tuple(begin if k == axis else n for k, n in enumerate(op.attrs["begin"]))
    return replace(op, attrs={**op.attrs, "begin": begins, "size": tensors[op.outputs[0]].shape})


def _over_one_channel(op: Op, tensors: list[Tensor]) -> Op:
    """A convolution left with one input channel per group is exported as a depthwise one."""
    weight = tensors[op.inputs[1]]
    outputs, height, width, per_group = weight.shape
    if per_group != 1:
        return op
    tensors[op.inputs[1]] = replace(weight, shape=(1, height, width, outputs), qparams=_per_channel(outputs, 3))
    return replace(op, kind=OpKind.DEPTHWISE_CONV_2D)
