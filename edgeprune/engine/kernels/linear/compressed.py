"""CONV_2D and FULLY_CONNECTED with packed weights (`packed.py`), which are unpacked as they are read.

For `--optimize size` alone, and only where flash gets smaller: by a quarter of the layer, and in all layers together by
a twentieth of the network beyond the code that unpacks (benchmarks/results/compressed.txt: its cost in time).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.geometry import Window, copied_rows_lead
from edgeprune.engine.kernels.linear.arrays import quantization_fields, scale_tables
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.linear.dense import Dense, dense_scale_tables, read_dense
from edgeprune.engine.kernels.operands import activation_type, image_calls, params, table
from edgeprune.engine.kernels.packed import MOST_TAPS, Packed, pack
from edgeprune.engine.kernels.requant import may_wrap
from edgeprune.engine.kernels.scaling import folded_bias
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_SOURCE = "ref/packed.c"
_MOST_SHARE = 0.75  # of a layer's flash that is left
_LEAST_GAIN = 0.05  # of all layers' flash
_ROW_PIXELS = 32  # that share the unpacking of a filter, at most, where that is up to us
# Bytes each function adds to an image at most, with what it calls (tests/firmware/operators/test_compressed.py).
CODE_BYTES = {"ep_conv2d_packed_ref": 1280, "ep_conv2d_packed_dsp": 1400, "ep_dense_packed_ref": 512}
_FEW_ZEROS = 0.5  # share of weights stored from which two at a time, the zeros too, take fewer instructions


def compress(graph: Graph, calls: Sequence[KernelCall], kept: Collection[int], isa: Isa) -> tuple[KernelCall, ...]:
    """`calls` for the ops of `graph`, with those replaced that take less flash compressed, the code counted.

    Args:
        kept: positions of ops that stay as they are.
    """
    chosen = list(calls)
    smaller: dict[str, dict[int, KernelCall]] = {}
    for index, (op, call) in enumerate(zip(graph.ops, calls, strict=True)):
        way = None if index in kept else _packed(graph, op, isa)
        if way is not None and _flash_bytes(way) <= _MOST_SHARE * _flash_bytes(call):
            smaller.setdefault(way.function, {})[index] = way
    gains = {
        function: sum(_flash_bytes(calls[index]) - _flash_bytes(way) for index, way in layers.items())
        - CODE_BYTES[function]
        for function, layers in smaller.items()
    }
    paying = [function for function, gain in gains.items() if gain > 0]
    if sum(gains[function] for function in paying) >= _LEAST_GAIN * sum(map(_flash_bytes, calls)):
        for function in paying:
            for index, way in smaller[function].items():
                chosen[index] = way
    return tuple(chosen)


def _flash_bytes(call: KernelCall) -> int:
    return sum(-(-constant.size_bytes // 4) * 4 for constant in call.constants) + sum(
        shared.code_bytes for shared in call.shared
    )


def _packed(graph: Graph, op: Op, isa: Isa) -> KernelCall | None:
    """The op with packed weights; None where they have no values yet or are int4, which are small already."""
    if not op.traits.is_gemm:
        return None
    weights = graph.tensors[op.inputs[1]]
    if weights.data is None or weights.dtype is not DType.INT8 or not weights.element_count or _is_int16(graph, op):
        return None
    if op.kind is OpKind.CONV_2D:
        return _conv2d(read_conv2d(graph, op), isa)
    layer = read_dense(graph, op)
    return _dense(layer) if layer.is_symmetric else None


def _is_int16(graph: Graph, op: Op) -> bool:
    return activation_type(graph, op) is DType.INT16


def _conv2d(conv: Conv2d, isa: Isa) -> KernelCall | None:
    window, weights = _in_rows(conv.window), conv.weights.data
    taps, block_rows = window.kernel_h * window.kernel_w, _block_rows(window)
    window_rows = (block_rows - 1) * window.stride_h + window.kernel_h
    window_row_bytes = (window.pad[2] + window.in_w + window.pad[3]) * window.in_c
    sizes = (window.kernel_h * window_row_bytes, window.stride_w * window.in_c, taps * conv.group_in_c)
    if weights is None or taps > MOST_TAPS or max(sizes) > 0xFFFF or window.dilation_h * window.dilation_w != 1:
        return None
    packed = pack(weights.reshape(window.out_c, taps, conv.group_in_c).transpose(0, 2, 1))
    rows = conv.rows
    if packed.is_plain or may_wrap(rows, None if conv.bias is None else conv.bias.data).any():
        return None
    in_row_bytes, pixel_bytes = window.in_w * window.in_c, window.stride_w * window.in_c
    in_pairs = isa in (Isa.DSP, Isa.MVE) and conv.groups == 1 and packed.weights > _FEW_ZEROS * rows.size
    lane_words = window.kernel_h * 2 * -(-window.kernel_w * window.in_c // 4) if in_pairs else 0
    function = "ep_conv2d_packed_dsp" if in_pairs else "ep_conv2d_packed_ref"

    def definitions(s: Symbols) -> str:
        fields = _array_fields(s, packed) | {
            "masks": "NULL" if packed.masks is None else s.constant("masks"),
            "all_taps": (1 << taps) - 1, "most_weights": packed.most_weights,
            "in_h": window.in_h, "in_row_bytes": in_row_bytes, "in_c": window.in_c,
            "out_h": window.out_h, "out_w": window.out_w, "out_c": window.out_c,
            "group_in_c": conv.group_in_c, "group_out_c": window.out_c // conv.groups,
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "stride_h": window.stride_h, "pixel_bytes": pixel_bytes, "pad_top": window.pad[0],
            "pad_left_bytes": window.pad[2] * window.in_c, "window_row_bytes": window_row_bytes,
            "block_rows": block_rows, "window_rows": window_rows, "lane_words": lane_words,
        }  # fmt: skip
        return params(
            s, "ep_conv2d_packed_t", fields | quantization_fields(conv.op, conv.image, conv.weights, conv.output)
        )

    scales = scale_tables(conv.image, conv.weights, conv.output, window.out_c)
    copied = window_rows * window_row_bytes + 3 * pixel_bytes + 3
    return KernelCall(
        function=function,
        emit=lambda s: image_calls(s, function, conv.image, conv.output, s.scratch()),
        sources=(_SOURCE, "dsp/packed.c") if in_pairs else (_SOURCE,),
        headers=("ep_packed.h",),
        constants=(*_constants(packed, conv.bias, lambda: conv.folded_bias), *scales),
        scratch_bytes=4 * (packed.most_weights + lane_words) + copied,
        overlaps=(Overlap(0, "forward", copied_rows_lead(window, window.out_c, block_rows)),)
        if window.batches == 1
        else (),
        work=_work(conv, packed, copied),
        definitions=definitions,
    )


def _block_rows(window: Window) -> int:
    """Rows of the output that share the unpacking of a filter: as many as make some pixels."""
    return min(window.out_h, max(1, _ROW_PIXELS // window.out_w))


def _in_rows(window: Window) -> Window:
    """A 1x1 convolution over all pixels alike is one of rows, as long as they may be: rows share the unpacking."""
    pixels = window.out_h * window.out_w
    if any(window.pad) or window.kernel_h * window.kernel_w * window.stride_h * window.stride_w != 1:
        return window
    row = max(length for length in range(1, min(pixels, _ROW_PIXELS) + 1) if pixels % length == 0)
    if row <= window.out_w:
        return window
    return replace(window, in_h=pixels // row, in_w=row, out_h=pixels // row, out_w=row)


def _work(conv: Conv2d, packed: Packed, copied_bytes: int) -> Work:
    window = _in_rows(conv.window)
    blocks = window.batches * -(-window.out_h // _block_rows(window))
    fours = window.batches * window.out_h * -(-window.out_w // 4)
    features = {
        "unpacked_inputs": blocks * window.out_c * conv.group_in_c,
        "unpacked_weights": blocks * packed.weights,
        "weight_fours": fours * packed.weights,
        "filter_fours": fours * window.out_c,
        "copied_bytes": blocks * copied_bytes,
    }
    return Work(macs=conv.macs, outputs=window.batches * window.out_len, features=features)


def _dense(layer: Dense) -> KernelCall | None:
    assert layer.weights.data is not None
    packed = pack(layer.weights.data.reshape(layer.out_len, layer.in_len, 1))
    rows = layer.weights.data.astype(np.int64)
    wraps = may_wrap(rows, None if layer.bias is None else layer.bias.data).any()
    if packed.is_plain or wraps or not layer.factors.solved.all():
        return None

    def definitions(s: Symbols) -> str:
        fields = _array_fields(s, packed) | {"rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len}
        scales = quantization_fields(layer.op, layer.data, layer.weights, layer.output)
        del scales["in_zero"]  # in the bias
        return params(s, "ep_dense_packed_t", fields | scales)

    lead = max(layer.out_len - 1, (layer.rows - 1) * (layer.out_len - layer.in_len) + layer.out_len - 1)
    return KernelCall(
        function="ep_dense_packed_ref",
        emit=lambda s: f"ep_dense_packed_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=(_SOURCE,),
        headers=("ep_packed.h",),
        constants=(
            *_constants(packed, layer.bias, lambda: folded_bias(rows, layer.bias, layer.data)),
            *dense_scale_tables(layer),
        ),
        overlaps=(Overlap(0, "forward", lead),),
        work=Work(layer.macs, layer.rows * layer.out_len, {"unpacked_weights": layer.rows * packed.weights}),
        definitions=definitions,
    )


def _constants(packed: Packed, bias: Tensor | None, folded: Callable[[], NDArray[np.int64]]) -> tuple[Constant, ...]:
    constants = [
        Constant("weights", "uint8_t", packed.stream.size, 1, align_bytes=4, values=lambda: packed.stream),
        Constant("bias", "int32_t", len(folded()), 4, is_model_data=bias is not None, values=lambda: _int32(folded())),
    ]
    masks, book = packed.masks, packed.book
    if masks is not None:
        constants.append(table("masks", "uint32_t", len(masks), lambda: masks))
    if book is not None:
        constants.append(table("book", "int8_t", len(book), lambda: book))
    return tuple(constants)


def _int32(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """They fit where the accumulator does: a sum with an input of zero is in its range."""
    return values.astype(np.int32)


def _array_fields(s: Symbols, packed: Packed) -> dict[str, object]:
    return {
        "weights": s.constant("weights"), "bias": s.constant("bias"), "bits": packed.bits,
        "book": "NULL" if packed.book is None else s.constant("book"),
        "multiplier": s.constant("multiplier"), "shift": s.constant("shift"),
    }  # fmt: skip
