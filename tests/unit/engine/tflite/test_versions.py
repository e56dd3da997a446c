"""The versions of operators that files are written with, as TensorFlow's op_version.cc asks for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgeprune.engine.tflite.versions import version_of
from edgeprune.ir import (
    NO_ATTRS,
    Activation,
    Attrs,
    Conv2dAttrs,
    DType,
    Graph,
    OpKind,
    QParams,
    ResizeAttrs,
    Tensor,
)

PER_TENSOR, PER_CHANNEL = QParams((0.5,), (0,)), QParams((0.5, 0.25), (0, 0), 0)
CONV, WIDE = (Conv2dAttrs(stride=(1, 1), pad=(0, 0, 0, 0), dilation=one) for one in ((1, 1), (2, 1)))


def version(
    kind: OpKind,
    *inputs: tuple[tuple[int, ...], DType],
    output: tuple[tuple[int, ...], DType] | None = None,
    attrs: Attrs = NO_ATTRS,
    constants: tuple[int, ...] = (),
    qparams: dict[int, QParams] | None = None,
    activation: Activation = Activation.NONE,
) -> int:
    """Of an operator with these inputs; the output is as the first where nothing else is said."""
    ends = [*inputs, output or inputs[0]]
    tensors = tuple(
        Tensor(f"t{index}", shape, dtype, (qparams or {}).get(index, PER_TENSOR), None, index in constants)
        for index, (shape, dtype) in enumerate(ends)
    )
    # Whatever attributes it has beside those that decide.
    op: Any = SimpleNamespace(
        kind=kind, attrs=attrs, activation=activation, inputs=tuple(range(len(inputs))), outputs=(len(inputs),)
    )
    return version_of(Graph(tensors, (), (0,), (len(inputs),)), op)


F, B, S, Q = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT4


@pytest.mark.parametrize(
    ("kind", "versions"),
    [
        (OpKind.ADD, (1, 2, 3)), (OpKind.AVERAGE_POOL_2D, (1, 2, 3)), (OpKind.MEAN, (1, 2, 3)),
        (OpKind.SOFTMAX, (1, 2, 3)), (OpKind.LEAKY_RELU, (1, 1, 2)), (OpKind.GELU, (1, 2, 2)),
        (OpKind.BROADCAST_TO, (2, 2, 3)), (OpKind.SVDF, (1, 3, 3)), (OpKind.RSQRT, (1, 2, 3)),
        (OpKind.SPLIT, (1, 2, 4)), (OpKind.MIRROR_PAD, (1, 2, 3)), (OpKind.GATHER, (1, 2, 4)), (OpKind.ELU, (1, 1, 1)),
    ],
)  # fmt: skip
def test_each_type_has_its_own(kind: OpKind, versions: tuple[int, int, int]) -> None:
    """An int8 operator of the float one's version is not looked for by older runtimes, and refused by them."""
    assert tuple(version(kind, ((1, 4), dtype)) for dtype in (F, B, S)) == versions
    assert version(kind, ((1, 4), DType.UINT8)) == versions[1]


@pytest.mark.parametrize(
    ("kind", "by_rank"),
    [
        (OpKind.TRANSPOSE, {2: 2, 4: 2, 5: 4, 6: 6, 7: 8, 8: 8}),
        (OpKind.SLICE, {4: 2, 5: 5, 6: 5}),
        (OpKind.PAD, {4: 2, 5: 4}),
        (OpKind.PADV2, {4: 2, 5: 4}),
        (OpKind.STRIDED_SLICE, {4: 2, 5: 4}),
    ],
)
def test_more_axes_came_later(kind: OpKind, by_rank: dict[int, int]) -> None:
    assert {rank: version(kind, ((1,) * rank, B)) for rank in by_rank} == by_rank


@pytest.mark.parametrize(
    ("kind", "weights", "axis", "expected"),
    [
        (OpKind.CONV_2D, B, None, 3), (OpKind.CONV_2D, Q, None, 7),
        (OpKind.DEPTHWISE_CONV_2D, B, None, 3), (OpKind.DEPTHWISE_CONV_2D, Q, None, 6),
    ],
)  # fmt: skip
def test_convolutions(kind: OpKind, weights: DType, axis: int | None, expected: int) -> None:
    assert version(kind, ((1, 4, 4, 2), B), ((2, 3, 3, 2), weights), constants=(1,), attrs=CONV) == expected


@pytest.mark.parametrize(
    ("kind", "per_tensor", "per_channel"), [(OpKind.CONV_2D, 2, 5), (OpKind.DEPTHWISE_CONV_2D, 4, 6)]
)
def test_floats_times_integers(kind: OpKind, per_tensor: int, per_channel: int) -> None:
    ends = ((1, 4, 4, 2), F), ((2, 3, 3, 2), B)
    assert version(kind, *ends, constants=(1,), attrs=CONV) == per_tensor
    assert version(kind, *ends, constants=(1,), attrs=CONV, qparams={1: PER_CHANNEL}) == per_channel


def test_groups_and_dilation_of_a_convolution() -> None:
    assert version(OpKind.CONV_2D, ((1, 4, 4, 4), B), ((2, 3, 3, 2), B), constants=(1,), attrs=CONV) == 6
    ends = ((1, 4, 4, 2), F), ((2, 3, 3, 2), F)
    assert [version(OpKind.CONV_2D, *ends, constants=(1,), attrs=attrs) for attrs in (CONV, WIDE)] == [1, 2]


@pytest.mark.parametrize(
    ("types", "with_bias", "axis", "rank", "expected"),
    [
        ((B, B), True, None, 2, 4), ((B, B), False, None, 2, 6), ((B, B), True, None, 3, 5),
        ((B, B), True, 0, 2, 12), ((S, B), True, 0, 2, 7), ((B, Q), True, None, 2, 10),
        ((F, B), True, None, 2, 3), ((F, F), True, None, 2, 1), ((F, F), False, None, 2, 6),
    ],
)  # fmt: skip
def test_dense_layers(types: tuple[DType, DType], with_bias: bool, axis: int | None, rank: int, expected: int) -> None:
    data, weights = ((1,) * (rank - 1) + (4,), types[0]), ((2, 4), types[1])
    bias = (((2,), DType.INT64 if types[0] is S else DType.INT32),) if with_bias else ()
    qparams = {} if axis is None else {1: PER_CHANNEL}
    output = ((1,) * (rank - 1) + (2,), types[0])
    assert version(
        OpKind.FULLY_CONNECTED, data, weights, *bias, output=output, constants=(1, 2), qparams=qparams
    ) == expected  # fmt: skip


def test_a_bias_of_32_bits_beside_int16_states_its_type() -> None:
    ends = ((1, 4), S), ((2, 4), B), ((2,), DType.INT32)
    assert version(OpKind.FULLY_CONNECTED, *ends, output=((1, 2), S), constants=(1, 2)) == 11


def test_products_whose_factor_is_one_and_more() -> None:
    def of(scale: float) -> int:
        qparams = {0: QParams((1.0,), (0,)), 1: QParams((0.5,), (0,)), 2: QParams((scale,), (0,))}
        return version(OpKind.MUL, ((1, 4), B), ((1, 4), B), qparams=qparams)

    assert [of(scale) for scale in (0.25, 0.5, 0.51)] == [3, 3, 2]


@pytest.mark.parametrize("kind", [OpKind.SUB, OpKind.MAXIMUM, OpKind.MINIMUM])
def test_broadcasting_beyond_four_axes(kind: OpKind) -> None:
    five, four = ((1, 2, 3, 4, 5), B), ((2, 3, 4, 5), B)
    assert version(kind, five, ((1, 1, 3, 4, 5), B)) == 3
    assert version(kind, five, five) == version(kind, four, ((3, 4, 5), B)) == 2


@pytest.mark.parametrize(
    ("kind", "half", "corners", "expected"),
    [
        (OpKind.RESIZE_BILINEAR, True, False, 3), (OpKind.RESIZE_BILINEAR, False, True, 2),
        (OpKind.RESIZE_NEAREST_NEIGHBOR, False, True, 3), (OpKind.RESIZE_NEAREST_NEIGHBOR, True, False, 3),
        (OpKind.RESIZE_NEAREST_NEIGHBOR, False, False, 2),
    ],
)  # fmt: skip
def test_where_pixels_lie(kind: OpKind, half: bool, corners: bool, expected: int) -> None:
    attrs = ResizeAttrs(align_corners=corners, half_pixel_centers=half)
    assert version(kind, ((1, 2, 2, 1), B), attrs=attrs) == expected


def test_from_and_to_other_types() -> None:
    four = ((1, 4), Q)
    assert version(OpKind.DEQUANTIZE, four, output=((1, 4), F)) == 6
    assert version(OpKind.DEQUANTIZE, ((1, 4), DType.FLOAT16), output=((1, 4), F)) == 3
    assert version(OpKind.DEQUANTIZE, ((2, 4), B), output=((2, 4), F), qparams={0: PER_CHANNEL}) == 5
    assert version(OpKind.DEQUANTIZE, ((2, 4), B), output=((2, 4), F)) == 2
    assert version(OpKind.QUANTIZE, ((1, 4), F), output=((1, 4), S)) == 2
    assert version(OpKind.QUANTIZE, ((1, 4), F), output=((1, 4), B)) == 1


def test_a_transposed_convolution_with_a_bias_or_a_clamp() -> None:
    ends = [((1, 2, 2, 2), F), ((2, 3, 3, 2), F), ((2,), F)]
    of = [version(OpKind.TRANSPOSE_CONV, *ends[:count], constants=(1, 2)) for count in (2, 3)]
    assert of == [1, 3]
    assert version(OpKind.TRANSPOSE_CONV, *ends, constants=(1, 2), activation=Activation.RELU) == 4


def test_groups_of_floats_ask_for_what_groups_ask_and_no_more() -> None:
    ends = ((1, 4, 4, 4), F), ((2, 3, 3, 2), F)
    assert version(OpKind.CONV_2D, *ends, constants=(1,), attrs=CONV) == 6
    depthwise = ((1, 4, 4, 2), F), ((1, 3, 3, 2), F)
    assert version(OpKind.DEPTHWISE_CONV_2D, *depthwise, constants=(1,), attrs=CONV) == 1
