"""What a file computes out of constants and shapes alone is worked out when it is read.

Keras writes sizes so: SHAPE, STRIDED_SLICE, PACK in front of a RESHAPE. With shapes known, all of it is constant.
Plain integers are computed; constants of any type are repeated and spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.move_attributes import gather, strided_slice
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.tensors import NUMPY_TYPES
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, Tensor

_MOST_ELEMENTS = 1 << 20  # of one result: more is no table of a microcontroller
_INTEGERS = (DType.INT32, DType.INT64, DType.BOOL)

Array = NDArray[np.int64]  # or of the constant's own type


@dataclass(frozen=True)
class Fold:
    """How one kind of operator is worked out.

    Attributes:
        options: generated class, "" where it needs none.
        value: of its output; of several a list.
        by_shape: its inputs' shapes suffice.
        any_type: constants of any type; else integers without scales.
    """

    options: str
    value: Callable[[Source], Array | list[Array]]
    by_shape: bool = False
    any_type: bool = False


def folded(kind: str, source: Source) -> list[Tensor] | None:
    """The operator's outputs as constants; None where it is no such operator, or reads what is no constant.

    Args:
        source: with options of the class `FOLDS[kind].options`.

    Raises:
        ModelError: inputs that do not fit together.
        UnsupportedOp: a result beyond any table's size.
    """
    fold = FOLDS[kind]
    given = [tensor for tensor in source.inputs if tensor is not None]
    if not given or (not fold.by_shape and any(tensor.data is None for tensor in given)):
        return None
    if not fold.any_type and any(
        t.dtype not in _INTEGERS or t.qparams for t in (*(() if fold.by_shape else given), *source.outputs)
    ):
        return None
    try:
        value = fold.value(source)
    except (ValueError, IndexError, ZeroDivisionError, OverflowError) as problem:
        raise ModelError(f"{source.where}: its constants do not fit together ({problem})") from problem
    values = value if isinstance(value, list) else [value]
    if len(values) != len(source.outputs):
        raise ModelError(f"{source.where}: {len(source.outputs)} outputs of {len(values)}", BROKEN_HINT)
    return [_constant(output, value) for output, value in zip(source.outputs, values, strict=True)]


def _constant(output: Tensor, value: Array) -> Tensor:
    data: np.ndarray = np.ascontiguousarray(value).astype(NUMPY_TYPES[output.dtype]).reshape(value.shape)
    return Tensor(output.name, data.shape, output.dtype, output.qparams, data, is_constant=True)


def _data(s: Source, index: int) -> Array:
    data = s.input(index).data
    assert data is not None
    return data


def _sized(s: Source, shape: tuple[int, ...]) -> tuple[int, ...]:
    if min(shape, default=1) < 0:
        raise ModelError(f"{s.where}: a result of shape {shape}")
    if prod(shape) > _MOST_ELEMENTS:
        raise UnsupportedOp(f"{s.where}: a constant of {prod(shape):,} elements")
    return shape


def _strided_slice(s: Source) -> Array:
    data = _data(s, 0)
    attrs = strided_slice(s.where, data.shape, s.ints(1), s.ints(2), s.ints(3), s.options)
    places = [range(*ends) for ends in zip(attrs.begin, attrs.end, attrs.strides, strict=True)]
    cut = data[np.ix_(*places)]
    return cut.reshape([size for axis, size in enumerate(cut.shape) if axis not in attrs.shrink_axes])


def _slice(s: Source) -> Array:
    data = _data(s, 0)
    ends = zip(s.ints(1), s.ints(2), data.shape, strict=True)
    return data[tuple(slice(begin, size if count < 0 else begin + count) for begin, count, size in ends)]


def _parts(s: Source) -> list[Array]:
    """Of SPLIT, whose axis comes first."""
    return np.split(_data(s, 1), len(s.outputs), s.axis(s.ints(0)[0], s.rank(1)))


def _parts_of_sizes(s: Source) -> list[Array]:
    """Of SPLIT_V; one size may be left open."""
    data, sizes, axis = _data(s, 0), list(s.ints(1)), s.axis(s.ints(2)[0], s.rank())
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = data.shape[axis] - sum(size for size in sizes if size >= 0)
    if min(sizes, default=-1) < 0 or sum(sizes) != data.shape[axis]:
        raise ValueError(f"an axis of {data.shape[axis]} in parts of {s.ints(1)}")
    return np.split(data, np.cumsum(sizes)[:-1], axis)


def _unpacked(s: Source) -> list[Array]:
    axis = s.axis(s.options.Axis(), s.rank())
    return list(np.moveaxis(_data(s, 0), axis, 0))


def _join(join: Callable[..., Array]) -> Callable[[Source], Array]:
    def value(s: Source) -> Array:
        parts = [_data(s, index) for index in range(len(s.inputs))]
        _sized(s, (sum(part.size for part in parts),))
        return join(parts, axis=s.options.Axis())

    return value


def _gather(s: Source) -> Array:
    attrs, data, picked = gather(s), _data(s, 0), _data(s, 1)
    _sized(s, (picked.size, data.size // max(data.shape[attrs.axis], 1)))
    if not attrs.batch_dims:
        return np.take(data, picked, axis=attrs.axis)
    shared, axis = data.shape[: attrs.batch_dims], attrs.axis - attrs.batch_dims
    rows = [np.take(data[batch], picked[batch], axis=axis) for batch in np.ndindex(shared)]
    return np.reshape(rows, (*shared, *rows[0].shape))


def _range(s: Source) -> Array:
    start, limit, delta = (int(_data(s, index).reshape(-1)[0]) for index in range(3))
    _sized(s, (len(range(start, limit, delta)),))
    return np.arange(start, limit, delta)


def _pairwise(compute: Callable[[Array, Array], Array]) -> Callable[[Source], Array]:
    def value(s: Source) -> Array:
        one, other = (_data(s, index).astype(np.int64) for index in range(2))
        _sized(s, np.broadcast_shapes(one.shape, other.shape))
        return np.asarray(compute(one, other))

    return value


def _nonzero(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    def value(one: Array, other: Array) -> Array:
        if not other.all():
            raise ZeroDivisionError("division by zero")
        return compute(one, other)

    return value


def _reduce(compute: Callable[..., Array]) -> Callable[[Source], Array]:
    def value(s: Source) -> Array:
        axes = tuple({axis % max(s.rank(), 1) for axis in s.ints(1)})
        return np.asarray(compute(_data(s, 0).astype(np.int64), axis=axes, keepdims=bool(s.options.KeepDims())))

    return value


def _tile(s: Source) -> Array:
    data, times = _data(s, 0), s.ints(1)
    _sized(s, tuple(size * count for size, count in zip(data.shape, times, strict=True)))
    return np.tile(data, times)


def _reshape(s: Source) -> Array:
    return _data(s, 0).reshape(s.outputs[0].shape)


def _select(s: Source) -> Array:
    chosen, *values = (_data(s, index) for index in range(3))
    if s.kind == "SELECT" and chosen.ndim == 1 and chosen.shape != (1,):  # of whole rows
        chosen = chosen.reshape(-1, *[1] * (values[0].ndim - 1))
    _sized(s, np.broadcast_shapes(chosen.shape, *(value.shape for value in values)))
    return np.where(chosen.astype(bool), *values)


def _truncated(one: Array, other: Array) -> Array:
    return np.asarray(np.trunc(one / other))


FOLDS: Mapping[str, Fold] = {
    "SHAPE": Fold("", lambda s: np.array(s.input(0).shape, np.int64), by_shape=True),
    "RANK": Fold("", lambda s: np.array(s.rank(), np.int64), by_shape=True),
    "ZEROS_LIKE": Fold("", lambda s: np.zeros(_sized(s, s.input(0).shape), np.int64), by_shape=True),
    "STRIDED_SLICE": Fold("StridedSliceOptions", _strided_slice),
    "SLICE": Fold("", _slice),
    "SPLIT": Fold("", _parts),
    "SPLIT_V": Fold("", _parts_of_sizes),
    "UNPACK": Fold("UnpackOptions", _unpacked),
    "PACK": Fold("PackOptions", _join(np.stack)),
    "CONCATENATION": Fold("ConcatenationOptions", _join(np.concatenate)),
    "GATHER": Fold("GatherOptions", _gather),
    "RESHAPE": Fold("", _reshape),
    "SQUEEZE": Fold("", _reshape),
    "EXPAND_DIMS": Fold("", _reshape),
    "CAST": Fold("", lambda s: _data(s, 0), any_type=True),
    "FILL": Fold("", lambda s: np.full(_sized(s, s.ints(0)), _data(s, 1).reshape(())), any_type=True),
    "TILE": Fold("", _tile, any_type=True),
    "BROADCAST_TO": Fold("", lambda s: np.broadcast_to(_data(s, 0), _sized(s, s.ints(1))), any_type=True),
    "BROADCAST_ARGS": Fold("", lambda s: np.array(np.broadcast_shapes(s.ints(0), s.ints(1)), np.int64)),
    "RANGE": Fold("", _range),
    "ADD": Fold("", _pairwise(np.add)),
    "SUB": Fold("", _pairwise(np.subtract)),
    "MUL": Fold("", _pairwise(np.multiply)),
    "MAXIMUM": Fold("", _pairwise(np.maximum)),
    "MINIMUM": Fold("", _pairwise(np.minimum)),
    "DIV": Fold("", _pairwise(_nonzero(_truncated))),
    "FLOOR_DIV": Fold("", _pairwise(_nonzero(np.floor_divide))),
    "FLOOR_MOD": Fold("", _pairwise(_nonzero(np.mod))),
    "NEG": Fold("", lambda s: np.negative(_data(s, 0).astype(np.int64))),
    "ABS": Fold("", lambda s: np.abs(_data(s, 0).astype(np.int64))),
    "LESS": Fold("", _pairwise(np.less)),
    "LESS_EQUAL": Fold("", _pairwise(np.less_equal)),
    "GREATER": Fold("", _pairwise(np.greater)),
    "GREATER_EQUAL": Fold("", _pairwise(np.greater_equal)),
    "EQUAL": Fold("", _pairwise(np.equal)),
    "NOT_EQUAL": Fold("", _pairwise(np.not_equal)),
    "LOGICAL_AND": Fold("", _pairwise(np.logical_and)),
    "LOGICAL_OR": Fold("", _pairwise(np.logical_or)),
    "LOGICAL_NOT": Fold("", lambda s: np.logical_not(_data(s, 0))),
    "SELECT": Fold("", _select),
    "SELECT_V2": Fold("", _select),
    "REDUCE_PROD": Fold("ReducerOptions", _reduce(np.prod)),
    "SUM": Fold("ReducerOptions", _reduce(np.sum)),
    "REDUCE_MAX": Fold("ReducerOptions", _reduce(np.max)),
    "REDUCE_MIN": Fold("ReducerOptions", _reduce(np.min)),
    "REDUCE_ANY": Fold("ReducerOptions", _reduce(np.any)),
    "REDUCE_ALL": Fold("ReducerOptions", _reduce(np.all)),
}
