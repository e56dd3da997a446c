"""Which of TFLite's paddings, SAME or VALID, explicit pads are: the inverse of `windows.py`."""

from __future__ import annotations

from edgeprune.engine.tflite.windows import same_or_valid, transposed_count, transposed_pad
from edgeprune.ir import Conv2dAttrs, Graph, Op, OpKind, Pad, PoolAttrs, TransposeConvAttrs, attrs_of

_SAME, _VALID = 0, 1


def padding_mode(graph: Graph, op: Op) -> int | None:
    """SAME (0) or VALID (1) for a window with explicit pads; None where it is neither."""
    image = graph.tensors[op.inputs[0]]
    modes = (_VALID, _SAME)
    if op.kind is OpKind.TRANSPOSE_CONV:
        if _is_stretched(graph, op):
            modes = (_SAME, _VALID)
        fits = [mode for mode in modes if _cuts(graph, op, mode) == attrs_of(op, TransposeConvAttrs).pad]
        return fits[0] if fits else None
    window, pad, stride, dilation = window_of(graph, op)
    fits = [mode for mode in modes if same_or_valid(op.name, mode, image, window, stride, dilation) == pad]
    return fits[0] if fits else None


def _is_stretched(graph: Graph, op: Op) -> bool:
    """Whether a transposed convolution ends in outputs that no tap reaches, so that each input makes `stride` of them.

    Files call that SAME. XNNPACK leaves such to the reference kernel, and would round them as VALID in its own way.
    """
    image, weight, output = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]], graph.output_of(op)
    stride = attrs_of(op, TransposeConvAttrs).stride
    sizes = tuple(count * step for count, step in zip(image.shape[1:3], stride, strict=True))
    return output.shape[1:3] == sizes and any(t < s for t, s in zip(weight.shape[1:3], stride, strict=True))


def _cuts(graph: Graph, op: Op, mode: int) -> Pad | None:
    """What a transposed convolution of a mode cuts off its full result; None for sizes LiteRT refuses."""
    image, weight, output = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]], graph.output_of(op)
    stride = attrs_of(op, TransposeConvAttrs).stride
    counts = tuple(map(transposed_count, (mode, mode), weight.shape[1:3], stride, output.shape[1:3]))
    return transposed_pad(op.name, mode, image, weight, output, stride) if counts == image.shape[1:3] else None


def window_of(graph: Graph, op: Op) -> tuple[tuple[int, int], Pad, tuple[int, int], tuple[int, int]]:
    """(taps, pad, stride, dilation) of a convolution or pool."""
    if op.traits.attrs is PoolAttrs:
        pool = attrs_of(op, PoolAttrs)
        return pool.filter, pool.pad, pool.stride, (1, 1)
    conv = attrs_of(op, Conv2dAttrs)
    _, rows, columns, _ = graph.tensors[op.inputs[1]].shape
    return (rows, columns), conv.pad, conv.stride, conv.dilation
