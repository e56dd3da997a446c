"""Layers of the kinds that plain C runs, of many sizes and types, for `kernel_costs.py` to measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.firmware.one_op import ModelBuilder

Shape = tuple[int, ...]

_TURNS = 4  # sizes of each kind
_LARGE = ((5, 7, 3), (9, 6, 16), (11, 12, 8), (6, 6, 33))
_SHAPES: tuple[Shape, ...] = ((1, 2, 3, 5), (1, 7, 9, 1), (1, 3, 4, 32), (1, 8, 6, 17), (1, 5, 11, 24))
_PAIRS = ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "DIV", "GREATER", "EQUAL")
_WHOLE_PAIRS = ("FLOOR_DIV", "FLOOR_MOD", "BITWISE_XOR")
_UNARY = (
    "ABS", "NEG", "FLOOR", "SIGN", "SQRT", "RSQRT", "EXP", "LOGISTIC", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1",
    "RELU_0_TO_1", "LEAKY_RELU", "SQUARE", "L2_NORMALIZATION", "SOFTMAX",
)  # fmt: skip
_REDUCTIONS = ("SUM", "MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
_REDUCED = ("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "MEAN", "SUM")
_OPTIONS = {
    "MAXIMUM": "MaximumMinimum", "MINIMUM": "MaximumMinimum", "L2_NORMALIZATION": "L2Norm",
} | dict.fromkeys(_REDUCED, "Reducer")  # fmt: skip
"""Name of an operator's options, where it is not the operator's own."""


def plain_models() -> list[bytes]:
    """One for each family of layers."""
    return [_model(add, seed) for seed, add in enumerate((_pairs, _values, _rows, _moved, _windows, _indexed))]


class _Shared(ModelBuilder):
    """Layers that read equal tensors read the same two inputs in turn: what is loaded over a serial line is short."""

    def __init__(self) -> None:
        super().__init__()
        self._inputs: dict[str, list[int]] = {}
        self._turns = 0

    def input(self, shape: Sequence[int], **keywords: Any) -> int:
        both = self._inputs.setdefault(f"{tuple(shape)} {sorted(keywords.items())}", [])
        if len(both) < 2:
            both.append(super().input(shape, **keywords))
            return both[-1]
        self._turns += 1
        return both[self._turns % 2]


def _model(add: Callable[[ModelBuilder, np.random.Generator], None], seed: int) -> bytes:
    b, rng = _Shared(), np.random.default_rng(seed)
    for _ in range(_TURNS):
        add(b, rng)
    return b.build()


def _shape(rng: np.random.Generator) -> Shape:
    return _SHAPES[int(rng.integers(len(_SHAPES)))]


def _options(kind: str) -> Any:
    name = _OPTIONS.get(kind, "".join(word.capitalize() for word in kind.split("_")))
    return getattr(schema, f"{name}OptionsT", lambda: None)()


def _scaled(dtype: str, scale: float = 0.05) -> dict[str, Any]:
    return {"dtype": dtype} | ({"scale": scale} if dtype in ("int8", "uint8", "int16") else {})


def _one(b: ModelBuilder, kind: str, inputs: list[int], output: int, options: object = None) -> int:
    b.op(kind, inputs, [output], _options(kind) if options is None else options)
    b.output(output)
    return output


def _pairs(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Two tensors, or a tensor and a row of it."""
    for dtype in ("int8", "float32", "int32", "int16"):
        for kind in (*_PAIRS, *_WHOLE_PAIRS):
            lacking = {"int16": ("SQUARED_DIFFERENCE", "DIV", "FLOOR_DIV", "FLOOR_MOD"), "float32": _WHOLE_PAIRS}
            lacking["int32"] = ("SQUARED_DIFFERENCE", "DIV", "FLOOR_DIV", "FLOOR_MOD")
            if kind in lacking.get(dtype, ()):
                continue
            shape = _shape(rng)
            other = shape if rng.random() < 0.6 else (1, 1, 1, shape[-1])
            second = b.input(other, **_scaled(dtype))
            output = b.tensor(shape, "bool") if kind in ("GREATER", "EQUAL") else b.tensor(shape, **_scaled(dtype))
            _one(b, kind, [b.input(shape, **_scaled(dtype)), second], output)
        shape = _shape(rng)
        given = [b.input(shape, dtype="bool"), *(b.input(shape, **_scaled(dtype)) for _ in range(2))]
        _one(b, "SELECT_V2", given, b.tensor(shape, **_scaled(dtype)), schema.SelectV2OptionsT())
    shape = _shape(rng)
    slopes = b.tensor((1, 1, shape[-1]), scale=0.01, data=rng.integers(-128, 128, (1, 1, shape[-1])))
    _one(b, "PRELU", [b.input(shape, scale=0.05), slopes], b.tensor(shape, scale=0.05), None)


def _values(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Value by value, and from type to type."""
    for kind in _UNARY:
        shape = _shape(rng)
        options = _options(kind)
        if kind == "SOFTMAX":
            options.beta = 1.0
        b.op(kind, [b.input(shape, dtype="float32")], [output := b.tensor(shape, "float32")], options)
        b.output(output)
    for kind in ("LOGISTIC", "SQRT"):
        for dtype, scale in (("int8", 1 / 256), ("int16", 1 / 32768)):
            shape = _shape(rng)
            zero = -128 if dtype == "int8" else 0
            output = b.tensor(shape, dtype, scale=scale, zero=zero)
            _one(b, kind, [b.input(shape, dtype=dtype, scale=0.001)], output)
    for one, other in (
        ("float32", "int8"), ("float32", "uint8"), ("float32", "int16"), ("int8", "float32"), ("uint8", "float32"),
        ("int16", "float32"), ("int8", "uint8"), ("uint8", "int8"), ("int8", "int16"), ("int16", "int8"),
    ):  # fmt: skip
        shape = _shape(rng)
        kind = "DEQUANTIZE" if other == "float32" else "QUANTIZE"
        ends = [{**_scaled(dtype), "zero": 128 if dtype == "uint8" else 0} for dtype in (one, other)]
        _one(b, kind, [b.input(shape, **ends[0])], b.tensor(shape, **ends[1]))
    for one, other in (("int32", "float32"), ("float32", "int32"), ("bool", "float32"), ("int32", "int64")):
        shape = _shape(rng)
        _one(b, "CAST", [b.input(shape, dtype=one)], b.tensor(shape, other), schema.CastOptionsT())
    shape = _shape(rng)
    _one(b, "LOGICAL_NOT", [b.input(shape, dtype="bool")], b.tensor(shape, "bool"))


def _rows(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Reductions, and what goes over rows."""
    for dtype in ("int8", "int16", "float32", "int32"):
        for kind in _REDUCTIONS:
            if (kind in ("REDUCE_PROD", "SUM") and dtype in ("int8", "int16")) and (kind, dtype) != ("SUM", "int8"):
                continue
            if kind == "MEAN" and dtype == "int32":
                continue
            shape, axes = _shape(rng), [[1, 2], [3], [2, 3]][int(rng.integers(3))]
            kept = tuple(size for axis, size in enumerate(shape) if axis not in axes)
            _one(b, kind, [b.input(shape, **_scaled(dtype)), b.ints(axes)], b.tensor(kept, **_scaled(dtype)))
    for dtype in ("float32", "int32"):
        shape, options = _shape(rng), schema.CumsumOptionsT()
        _one(b, "CUMSUM", [b.input(shape, dtype=dtype), b.ints(2)], b.tensor(shape, dtype), options)
    for kind, scale, zero in (
        ("SOFTMAX", 1 / 256, -128),
        ("LOG_SOFTMAX", 16 / 256, 127),
        ("L2_NORMALIZATION", 1 / 128, 0),
    ):
        shape, options = _shape(rng), _options(kind)
        if kind == "SOFTMAX":
            options.beta = 1.0
        _one(b, kind, [b.input(shape, scale=0.1)], b.tensor(shape, scale=scale, zero=zero), options)
    for dtype in ("int8", "float32"):
        shape, options = _shape(rng), schema.ArgMaxOptionsT()
        options.outputType = schema.TensorType.INT32
        output = b.tensor(shape[:-1], "int32")
        _one(b, "ARG_MAX", [b.input(shape, **_scaled(dtype)), b.ints(3)], output, options)
    shape = (1, 1, int(rng.integers(1, 9)), int(rng.integers(4, 60)))
    outputs = [b.tensor((*shape[:-1], 3), scale=0.05), b.tensor((*shape[:-1], 3), "int32")]
    b.op("TOPK_V2", [b.input(shape, scale=0.05), b.ints(3)], outputs, schema.TopKV2OptionsT())
    b.output(*outputs)
    for dtype in ("int8", "int16"):
        m, k, n = (int(size) for size in rng.integers(1, 24, 3))
        given = [b.input(size, **_scaled(dtype)) for size in ((2, m, k), (2, k, n))]
        _one(b, "BATCH_MATMUL", given, b.tensor((2, m, n), **_scaled(dtype, 1.0)), schema.BatchMatMulOptionsT())


def _moved(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Bytes from place to place."""
    for dtype in ("int8", "int16", "float32"):
        n, h, w, c = _SHAPES[int(rng.integers(len(_SHAPES)))]
        whole = {**_scaled(dtype)}

        def image(height: int = h, width: int = w, channels: int = c, kind: dict[str, Any] = whole) -> int:
            return b.input((1, height, width, channels), **kind)

        for order in ([0, 3, 1, 2], [0, 2, 1, 3], [0, 2, 3, 1]):
            shape = tuple((n, h, w, c)[axis] for axis in order)
            _one(b, "TRANSPOSE", [image(), b.ints(order)], b.tensor(shape, **whole))
        edges = b.ints([[0, 0], [1, 2], [1, 1], [0, 0]])
        _one(b, "PAD", [image(), edges], b.tensor((1, h + 3, w + 2, c), **whole))
        _one(b, "TILE", [image(), b.ints([1, 2, 1, 2])], b.tensor((1, 2 * h, w, 2 * c), **whole))
        joined = schema.ConcatenationOptionsT()
        joined.axis = 3
        _one(b, "CONCATENATION", [image(), image(channels=5)], b.tensor((1, h, w, c + 5), **whole), joined)
        part = [b.ints([0, 1, 0, 0]), b.ints([1, h - 1, w - 1, -1])]
        _one(b, "SLICE", [image(), *part], b.tensor((1, h - 1, w - 1, c), **whole))
        every = [b.ints(ends) for ends in ([0, 0, 0, 0], [1, h, w, c], [1, 2, 2, 1])]
        _one(b, "STRIDED_SLICE", [image(), *every], b.tensor((1, -(-h // 2), -(-w // 2), c), **whole))
        deep = schema.SpaceToDepthOptionsT()
        deep.blockSize = 2
        _one(b, "SPACE_TO_DEPTH", [image(2 * h, 2 * w)], b.tensor((1, h, w, 4 * c), **whole), deep)
        for kind in ("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"):
            if kind == "RESIZE_BILINEAR" and dtype == "float32":
                continue
            sizes, output = b.ints([2 * h, 2 * w]), b.tensor((1, 2 * h, 2 * w, c), **whole)
            _one(b, kind, [image(), sizes], output, getattr(schema, f"{_camel(kind)}OptionsT")())


def _camel(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))


def _windows(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Pools."""
    for dtype in ("int8", "int16", "float32"):
        for kind in _POOLS:
            if kind == "L2_POOL_2D" and dtype != "float32":
                continue
            h, w, c = _LARGE[int(rng.integers(len(_LARGE)))]
            side, step, options = int(rng.integers(2, 4)), int(rng.integers(1, 3)), schema.Pool2DOptionsT()
            options.padding = schema.Padding.VALID
            options.filterHeight = options.filterWidth = side
            options.strideH = options.strideW = step
            made = ((h - side) // step + 1, (w - side) // step + 1)
            output = b.tensor((1, *made, c), **_scaled(dtype))
            _one(b, kind, [b.input((1, h, w, c), **_scaled(dtype))], output, options)


def _indexed(b: ModelBuilder, rng: np.random.Generator) -> None:
    """Rows that indices pick."""
    for dtype in ("int8", "float32"):
        rows, length, count = int(rng.integers(2, 40)), int(rng.integers(1, 65)), int(rng.integers(1, 40))
        table = b.input((rows, length), **_scaled(dtype))
        picks = b.ints(rng.integers(0, rows, count))
        _one(b, "GATHER", [table, picks], b.tensor((count, length), **_scaled(dtype)), schema.GatherOptionsT())
        places = b.ints(rng.integers(0, rows, (count, 1)))
        _one(b, "GATHER_ND", [table, places], b.tensor((count, length), **_scaled(dtype)), schema.GatherNdOptionsT())
    ends = [b.ints(16), b.tensor((), "float32", data=1.0), b.tensor((), "float32", data=0.0)]
    chosen, options = b.ints(rng.integers(0, 16, int(rng.integers(1, 40)))), schema.OneHotOptionsT()
    options.axis = -1
    count = b.graph.tensors[chosen].shape[0]
    _one(b, "ONE_HOT", [chosen, *ends], b.tensor((count, 16), "float32"), options)
