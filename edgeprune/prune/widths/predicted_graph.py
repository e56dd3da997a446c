"""The int8 graph at any channel counts, in well under a millisecond per hundred tensors."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from weakref import WeakKeyDictionary

from edgeprune.engine.tflite.expressible import expressible
from edgeprune.errors import UsageError
from edgeprune.ir import (
    NO_ATTRS,
    Graph,
    Op,
    OpKind,
    SliceAttrs,
    StridedSliceAttrs,
    Tensor,
    TransposeAttrs,
    attrs_of,
)
from edgeprune.model.passes import lowered
from edgeprune.model.trace import TracedModel
from edgeprune.prune.coupling.channels import ChannelGroups, Extent
from edgeprune.prune.widths.placeholders import per_channel, placeholders
from edgeprune.quantize.form import quantized_form

_plans: WeakKeyDictionary[ChannelGroups, _Plan] = WeakKeyDictionary()


class _Plan:
    """Shared by all widths: the int8 graph at full width, and which of its tensors and operators depend on them."""

    def __init__(self, traced: TracedModel, groups: ChannelGroups):
        rewritten = lowered(traced.graph)
        form = quantized_form(rewritten.graph, int16=traced.int16)
        self.full = placeholders(form)
        extents = dict(groups.extents)
        for index, repeats in rewritten.new.items():
            if repeats.source in extents:
                lengths = extents[repeats.source]
                extents[index] = tuple(Extent((), 1) if axis is None else lengths[axis] for axis in repeats.axes)
        for index, source in form.origin.items():
            if source in extents:
                extents[index] = extents[source]
        for op in self.full.ops:
            if op.kind is OpKind.QUANTIZE and op.inputs[0] in extents:
                extents[op.outputs[0]] = extents[op.inputs[0]]
        self.shapes: dict[int, tuple[Extent, ...]] = {
            tensor: sizes for tensor, sizes in extents.items() if any(extent.terms for extent in sizes)
        }
        self.flippable = {
            position
            for position, op in enumerate(self.full.ops)
            if op.kind in (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D)
            and op.inputs[1] in self.shapes
            and self.shapes[op.inputs[1]][3].terms
        }
        self.transposes = {
            position
            for position, op in enumerate(self.full.ops)
            if op.kind is OpKind.TRANSPOSE and op.inputs[0] in self.shapes
        }
        self.slices = {
            position: groups.begins.get(op.name)
            for position, op in enumerate(self.full.ops)
            if op.kind in (OpKind.SLICE, OpKind.STRIDED_SLICE) and op.outputs[0] in self.shapes
        }


def predicted_graph(traced: TracedModel, groups: ChannelGroups, widths: Mapping[str, int]) -> Graph:
    """The graph the exported model will have, before anything is trained.

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
    for position, begin in plan.slices.items():
        moved = None if begin is None else (begin[0], begin[1].at(counts))
        ops[position] = _sliced(ops[position], tensors, moved)
    for position in plan.flippable:
        ops[position] = _by_channels(ops[position], tensors)
    for position in plan.transposes:
        op = ops[position]
        if not attrs_of(op, TransposeAttrs).moves_bytes(tensors[op.inputs[0]].shape):
            ops[position] = replace(op, kind=OpKind.RESHAPE, attrs=NO_ATTRS)
    return expressible(replace(plan.full, tensors=tuple(tensors), ops=tuple(ops)))


def int8_form(graph: Graph, int16: Container[str] = ()) -> Graph:
    """As `predicted_graph`, of a traced float graph whose widths are what they are.

    Args:
        int16: operators with int16 activations.
    """
    return expressible(placeholders(quantized_form(lowered(graph).graph, int16=int16)))


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


def _resized(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    qparams = tensor.qparams
    if qparams is not None and qparams.axis is not None and len(qparams.scale) != shape[qparams.axis]:
        qparams = per_channel(shape[qparams.axis], qparams.axis)
    return Tensor(tensor.name, shape, tensor.dtype, qparams, None, tensor.is_constant)


def _sliced(op: Op, tensors: list[Tensor], moved: tuple[int, int] | None) -> Op:
    """moved: the axis cut at another place than at full width, and that place."""
    if op.kind is OpKind.STRIDED_SLICE:  # whose channels are all taken, or frozen
        strided = attrs_of(op, StridedSliceAttrs)
        whole = tensors[op.inputs[0]].shape
        ends = tuple(
            whole[k] if (first, step) == (0, 1) and tensors[op.outputs[0]].shape[k] == whole[k] else end
            for k, (first, end, step) in enumerate(zip(strided.begin, strided.end, strided.strides, strict=True))
        )
        return replace(op, attrs=replace(strided, end=ends))
    begins = list(attrs_of(op, SliceAttrs).begin)
    if moved is not None:
        begins[moved[0]] = moved[1]
    return replace(op, attrs=SliceAttrs(begin=tuple(begins), size=tensors[op.outputs[0]].shape))


def _by_channels(op: Op, tensors: list[Tensor]) -> Op:
    """A convolution as its channels make it: depthwise with one input channel in each of several groups."""
    image, weight = tensors[op.inputs[0]], tensors[op.inputs[1]]
    if op.kind is OpKind.CONV_2D and weight.shape[3] == 1 and image.shape[3] > 1:
        outputs, height, width, _ = weight.shape
        kind, axis, shape = OpKind.DEPTHWISE_CONV_2D, 3, (1, height, width, outputs)
    elif op.kind is OpKind.DEPTHWISE_CONV_2D and image.shape[3] == 1:
        _, height, width, outputs = weight.shape
        kind, axis, shape = OpKind.CONV_2D, 0, (outputs, height, width, 1)
    else:
        return op
    tensors[op.inputs[1]] = replace(weight, shape=shape, qparams=per_channel(outputs, axis))
    return replace(op, kind=kind)
