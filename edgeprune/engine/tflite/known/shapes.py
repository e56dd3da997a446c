"""Shapes of what a file leaves open: it states 1 for every size that follows from an open batch, whatever comes of it.

Keras writes so: a dense layer over a sequence is RESHAPE, FULLY_CONNECTED, RESHAPE, the rows between them open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from edgeprune.engine.tflite.flatfile import FlatFile
from edgeprune.engine.tflite.move_attributes import gather, strided_slice
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError
from edgeprune.ir import DType
from edgeprune.ir.broadcast import broadcast_shape

Shape = tuple[int, ...]


def left_open(file: FlatFile, subgraph: Any) -> frozenset[int]:
    """Tensors of a subgraph with sizes that the file leaves open."""
    sources = file.tables(subgraph.TensorsLength(), subgraph.Tensors)
    signatures = [file.ints(source.ShapeSignatureAsNumpy()) for source in sources]
    return frozenset(index for index, sizes in enumerate(signatures) if -1 in sizes)


def settled(source: Source) -> Shape | None:
    """The shape of an operator's outputs, from its inputs; None where no rule is known or its inputs do not fit.

    Args:
        source: with options as they are read.
    """
    if source.kind in _SAME:
        return source.input(0).shape
    if source.kind in _PAIRS:
        return broadcast_shape(*(tensor.shape for tensor in source.inputs if tensor is not None))
    rule = _RULES.get(source.kind)
    return rule(source) if rule else None


def _reshape(s: Source) -> Shape | None:
    if len(s.inputs) < 2 or s.inputs[1] is None or s.inputs[1].data is None or s.inputs[1].dtype is not DType.INT32:
        return None
    sizes, count = list(s.ints(1)), s.input(0).element_count
    if sizes.count(-1) == 1:
        others = prod(size for size in sizes if size != -1)
        if others > 0 and count % others == 0:
            sizes[sizes.index(-1)] = count // others
    if min(sizes, default=1) < 0 or prod(sizes) != count:
        raise ModelError(f"{s.where}: {s.input(0).shape} as {s.ints(1)}", "export the model with a batch of one")
    return tuple(sizes)


def _dense(s: Source) -> Shape | None:
    data, weights = s.input(0), s.input(1).shape
    if len(weights) != 2 or not data.shape or not weights[1]:
        return None
    if s.options.KeepNumDims():
        return (*data.shape[:-1], weights[0])
    return (data.element_count // weights[1], weights[0])


def _matmul(s: Source) -> Shape | None:
    a, b = s.input(0).shape, s.input(1).shape
    if min(len(a), len(b)) < 2:
        return None
    rows, columns = a[-1 if s.options.AdjX() else -2], b[-2 if s.options.AdjY() else -1]
    batches = broadcast_shape(a[:-2], b[:-2])
    return None if batches is None else (*batches, rows, columns)


def _transpose(s: Source) -> Shape | None:
    return tuple(s.input(0).shape[s.axis(axis, s.rank())] for axis in s.ints(1))


def _concatenation(s: Source) -> Shape | None:
    axis, shape = s.axis(s.options.Axis(), s.rank()), list(s.input(0).shape)
    shape[axis] = sum(s.input(index).shape[axis] if s.rank(index) > axis else 0 for index in range(len(s.inputs)))
    return tuple(shape)


def _pack(s: Source) -> Shape | None:
    axis, shape = s.axis(s.options.Axis(), s.rank() + 1), s.input(0).shape
    return (*shape[:axis], len(s.inputs), *shape[axis:])


def _squeeze(s: Source) -> Shape | None:
    data, stated = s.input(0).shape, 0 if s.options is None else s.options.SqueezeDimsLength()
    if stated > len(data):
        return None
    axes = {s.axis(s.options.SqueezeDims(place), len(data)) for place in range(stated)}
    axes = axes or {axis for axis, size in enumerate(data) if size == 1}
    kept = tuple(size for axis, size in enumerate(data) if axis not in axes)
    return kept if prod(kept) == prod(data) else None


def _expand(s: Source) -> Shape | None:
    axis, shape = s.axis(s.ints(1)[0], s.rank() + 1), s.input(0).shape
    return (*shape[:axis], 1, *shape[axis:])


def _reduce(s: Source) -> Shape | None:
    axes = {s.axis(axis, s.rank()) for axis in s.ints(1)}
    kept = [1 if axis in axes else size for axis, size in enumerate(s.input(0).shape)]
    return tuple(size for axis, size in enumerate(kept) if s.options.KeepDims() or axis not in axes)


def _tile(s: Source) -> Shape | None:
    times = s.ints(1)
    return tuple(size * count for size, count in zip(s.input(0).shape, times, strict=False)) if times else None


def _window(s: Source, kernel: Shape, channels: int, dilation: Shape = (1, 1)) -> Shape | None:
    data, o = s.input(0).shape, s.options
    if len(data) != 4 or min(o.StrideH(), o.StrideW(), *kernel, *dilation) < 1:
        return None
    settings = zip(data[1:3], kernel, (o.StrideH(), o.StrideW()), dilation, strict=True)
    is_same = o.Padding() == 0
    made = [-(-n // step) if is_same else (n - (k - 1) * d - 1) // step + 1 for n, k, step, d in settings]
    return (data[0], *made, channels) if min(made) > 0 else None


def _convolution(s: Source) -> Shape | None:
    weights, dilation = s.input(1).shape, (s.options.DilationHFactor(), s.options.DilationWFactor())
    if len(weights) != 4:
        return None
    return _window(s, weights[1:3], weights[3 if s.kind == "DEPTHWISE_CONV_2D" else 0], dilation)


def _pool(s: Source) -> Shape | None:
    return _window(s, (s.options.FilterHeight(), s.options.FilterWidth()), s.input(0).shape[-1])


def _resize(s: Source) -> Shape | None:
    data = s.input(0).shape
    return (data[0], *s.ints(1), data[-1]) if len(data) == 4 and len(s.ints(1)) == 2 else None


def _pad(s: Source) -> Shape | None:
    edges, data = s.ints(1), s.input(0).shape
    if len(edges) != 2 * len(data):
        return None
    return tuple(size + before + after for size, before, after in zip(data, edges[::2], edges[1::2], strict=True))


def _strided(s: Source) -> Shape | None:
    if s.options.NewAxisMask():
        return None
    attrs = strided_slice(s.where, s.input(0).shape, s.ints(1), s.ints(2), s.ints(3), s.options)
    sizes = [len(range(*ends)) for ends in zip(attrs.begin, attrs.end, attrs.strides, strict=True)]
    return tuple(size for axis, size in enumerate(sizes) if axis not in attrs.shrink_axes)


def _slice(s: Source) -> Shape | None:
    data, begin, sizes = s.input(0).shape, s.ints(1), s.ints(2)
    if not len(data) == len(begin) == len(sizes):
        return None
    return tuple(n - b if m == -1 else m for n, b, m in zip(data, begin, sizes, strict=True))


def _space_depth(s: Source) -> Shape | None:
    """SPACE_TO_DEPTH, and the way back."""
    data, block = s.input(0).shape, s.options.BlockSize()
    if len(data) != 4 or block < 1:
        return None
    n, height, width, channels = data
    if s.kind == "SPACE_TO_DEPTH":
        return (n, height // block, width // block, channels * block**2)
    return (n, height * block, width * block, channels // block**2)


def _largest(s: Source) -> Shape | None:
    axis, shape = s.axis(s.ints(1)[0], s.rank()), s.input(0).shape
    return (*shape[:axis], *shape[axis + 1 :])


def _space_batch(s: Source) -> Shape | None:
    """SPACE_TO_BATCH_ND, and the way back: images become, or were, the places of a block."""
    block, edges, data = s.ints(1), s.ints(2), s.input(0).shape
    if not 1 <= len(block) < len(data) or len(edges) != 2 * len(block) or min(block) < 1:
        return None
    sizes = zip(data[1 : 1 + len(block)], block, edges[::2], edges[1::2], strict=True)
    if s.kind == "SPACE_TO_BATCH_ND":
        return (data[0] * prod(block), *((n + a + b) // k for n, k, a, b in sizes), *data[1 + len(block) :])
    return (data[0] // prod(block), *(n * k - a - b for n, k, a, b in sizes), *data[1 + len(block) :])


def _gather(s: Source) -> Shape | None:
    attrs, data, picked = gather(s), s.input(0).shape, s.input(1).shape
    return (*data[: attrs.axis], *picked[attrs.batch_dims :], *data[attrs.axis + 1 :])


def _split(s: Source) -> Shape | None:
    axis, shape = s.axis(s.ints(0)[0], s.rank(1)), list(s.input(1).shape)
    shape[axis] //= len(s.outputs)
    return tuple(shape)


def _unpack(s: Source) -> Shape | None:
    axis, shape = s.axis(s.options.Axis(), s.rank()), s.input(0).shape
    return (*shape[:axis], *shape[axis + 1 :])


_SAME = frozenset((
    "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "ELU", "GELU", "HARD_SWISH",
    "SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "QUANTIZE", "DEQUANTIZE", "CAST", "ABS", "NEG", "SQRT", "RSQRT",
    "SQUARE", "EXP", "LOG", "SIN", "COS", "SIGN", "FLOOR", "CEIL", "ROUND", "LOGICAL_NOT", "CUMSUM", "REVERSE_V2",
))  # fmt: skip
_PAIRS = frozenset((
    "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "PRELU", "FLOOR_DIV", "FLOOR_MOD",
    "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "SELECT_V2",
))  # fmt: skip
_RULES: Mapping[str, Callable[[Source], Shape | None]] = {
    "RESHAPE": _reshape,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _matmul,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "EXPAND_DIMS": _expand,
    "SQUEEZE": _squeeze,
    "TRANSPOSE_CONV": lambda s: s.ints(0),
    "BROADCAST_TO": lambda s: s.ints(1),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lambda s: (*s.input(0).shape[:-1], *s.outputs[0].shape[-1:]),
    **dict.fromkeys(("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"), _space_depth),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _largest),
    "TILE": _tile,
    "GATHER": _gather,
    "SPLIT": _split,
    **dict.fromkeys(("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _space_batch),
    "UNPACK": _unpack,
    "STRIDED_SLICE": _strided,
    "SLICE": _slice,
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _convolution),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"), _pool),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"), _reduce),
}
