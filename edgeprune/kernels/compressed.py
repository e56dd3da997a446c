"""Weights with few values or many zeros, compressed in flash and decoded as they are read: CONV_2D, FULLY_CONNECTED.

`firmware/kernels/ref/compressed.c` says how they lie there.

  coded:   at most 16 different values: a codebook and 4 bits a weight
  sparse:  a bit a weight, and the weights that are not zero

For `--optimize size` alone, and only where flash gets smaller: by a quarter of the layer, and in all layers together by
a twentieth of the network beyond the code that decodes. Where there is a fast kernel a layer takes up to twelve times
its instructions compressed, which is no price for a few hundred bytes (benchmarks/compressed.txt).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.kernels.base import Constant, KernelCall
from edgeprune.kernels.conv2d import plain_conv2d, read_conv2d
from edgeprune.kernels.dense import plain_dense, read_dense

_SOURCE = "ref/compressed.c"
_CODEBOOK_VALUES = 16
_MOST_SHARE = 0.75  # of a layer's flash that is left
_LEAST_GAIN = 0.05  # of all layers' flash
# Bytes each function adds to an image at most, with what it calls (tests/firmware/test_compressed.py).
CODE_BYTES = {
    "ep_conv2d_coded_ref": 608, "ep_dense_coded_ref": 448, "ep_conv2d_sparse_ref": 560, "ep_dense_sparse_ref": 400,
}  # fmt: skip


def compress(graph: Graph, calls: Sequence[KernelCall], kept: Collection[int]) -> tuple[KernelCall, ...]:
    """`calls` for the ops of `graph`, with those replaced that take less flash compressed, decoders counted.

    Args:
        kept: positions of ops that stay as they are.
    """
    chosen = list(calls)
    smaller: dict[str, dict[int, KernelCall]] = {}
    for index, (op, call) in enumerate(zip(graph.ops, calls, strict=True)):
        ways = [
            way
            for way in _ways(graph, op)
            if index not in kept and _flash_bytes(way) <= _MOST_SHARE * _flash_bytes(call)
        ]
        if ways:
            best = min(ways, key=_flash_bytes)
            smaller.setdefault(best.function, {})[index] = best
    worthwhile = _LEAST_GAIN * sum(map(_flash_bytes, calls))
    for function, layers in smaller.items():
        saved = sum(_flash_bytes(calls[index]) - _flash_bytes(way) for index, way in layers.items())
        if saved - CODE_BYTES[function] >= worthwhile:
            for index, way in layers.items():
                chosen[index] = way
    return tuple(chosen)


def _flash_bytes(call: KernelCall) -> int:
    return sum(-(-constant.size_bytes // 4) * 4 for constant in call.constants) + sum(
        shared.code_bytes for shared in call.shared
    )


def _ways(graph: Graph, op: Op) -> list[KernelCall]:
    if op.kind is OpKind.CONV_2D:
        conv = read_conv2d(graph, op)
        return [
            plain_conv2d(conv, f"ep_conv2d_{name}_ref", stored, _SOURCE) for name, stored in _storages(conv.weights)
        ]
    if op.kind is OpKind.FULLY_CONNECTED:
        layer = read_dense(graph, op)
        qparams = layer.weights.qparams
        if qparams is None or not any(qparams.zero_point):
            return [
                plain_dense(layer, f"ep_dense_{name}_ref", stored, _SOURCE) for name, stored in _storages(layer.weights)
            ]
    return []


def _storages(weights: Tensor) -> list[tuple[str, Constant]]:
    """How the weights can be stored; nothing for those without values, and for int4, which are small already."""
    if weights.data is None or weights.dtype is not DType.INT8:
        return []
    rows = weights.data.reshape(-1, weights.shape[-1])
    found = [("sparse", _stored(sparse_bytes(rows)))]
    if len(np.unique(rows)) <= _CODEBOOK_VALUES:
        found.append(("coded", _stored(coded_bytes(rows))))
    return found


def _stored(values: np.ndarray) -> Constant:
    return Constant("weights", "int8_t", values.size, 1, align_bytes=4, values=lambda: values.view(np.int8))


def coded_bytes(rows: np.ndarray) -> np.ndarray:
    """(runs, n) int8 of at most 16 values -> uint8: the values, then their numbers, two a byte, runs in whole bytes."""
    values, numbers = np.unique(rows, return_inverse=True)
    book = np.zeros(_CODEBOOK_VALUES, np.int8)
    book[: len(values)] = values
    halves = np.pad(numbers.reshape(rows.shape), ((0, 0), (0, rows.shape[1] % 2))).astype(np.uint8)
    return np.concatenate([book.view(np.uint8), (halves[:, 0::2] | halves[:, 1::2] << 4).reshape(-1)])


def sparse_bytes(rows: np.ndarray) -> np.ndarray:
    """(runs, n) int8 -> uint8: for each run its bits, the first weight's lowest, then its weights that are not zero."""
    bits = np.packbits(rows != 0, axis=1, bitorder="little")
    parts = [part for row, mask in zip(rows, bits, strict=True) for part in (mask, row[row != 0].view(np.uint8))]
    return np.concatenate(parts)
