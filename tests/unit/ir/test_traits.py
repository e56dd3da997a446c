"""Operators and their attributes belong together: one table states which kind has which."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from edgeprune.engine.tflite.attributes import RULES
from edgeprune.ir import (
    NO_ATTRS,
    TRAITS,
    Activation,
    ArithmeticAttrs,
    AxisAttrs,
    ConcatenationAttrs,
    Conv2dAttrs,
    FusedAttrs,
    Op,
    OpKind,
    PoolAttrs,
    TransposeAttrs,
    attrs_of,
    fused_activation,
    with_activation,
)


def conv(attrs: Conv2dAttrs) -> Op:
    return Op(OpKind.CONV_2D, "conv", (0, 1, 2), (3,), attrs)


def test_every_kind_has_traits() -> None:
    assert set(TRAITS) == set(OpKind)


def test_every_kind_of_a_file_is_read() -> None:
    others = {OpKind.STAGE, OpKind.EARLY_EXIT, OpKind.FUNCTION, OpKind.TABLE, OpKind.DETECTION_POSTPROCESS}
    assert set(RULES) == set(OpKind) - others


@pytest.mark.parametrize("kind", list(OpKind))
def test_an_operator_takes_the_attributes_of_its_kind_alone(kind: OpKind) -> None:
    class Foreign(TRAITS[kind].attrs):  # type: ignore[name-defined,misc] # not even a subclass
        pass

    own = object.__new__(TRAITS[kind].attrs)
    assert Op(kind, "layer", (0,), (1,), own).attrs is own
    with pytest.raises(TypeError, match=f"{kind} 'layer' with Foreign where {TRAITS[kind].attrs.__name__} belongs"):
        Op(kind, "layer", (0,), (1,), object.__new__(Foreign))


def test_missing_attributes_are_refused() -> None:
    with pytest.raises(TypeError, match="CONV_2D 'conv' with NoAttrs where Conv2dAttrs belongs"):
        Op(OpKind.CONV_2D, "conv", (0, 1), (2,))
    assert Op(OpKind.RESHAPE, "view", (0,), (1,)).attrs is NO_ATTRS


def test_a_kind_changes_with_its_attributes_only() -> None:
    op = conv(Conv2dAttrs())
    assert replace(op, kind=OpKind.DEPTHWISE_CONV_2D).attrs == Conv2dAttrs()
    with pytest.raises(TypeError, match="RESHAPE 'conv' with Conv2dAttrs"):
        replace(op, kind=OpKind.RESHAPE)
    assert replace(op, kind=OpKind.RESHAPE, attrs=NO_ATTRS).kind is OpKind.RESHAPE


def test_attributes_are_asked_for_by_type() -> None:
    op = conv(Conv2dAttrs(stride=(2, 1), dilation=(1, 3)))
    assert attrs_of(op, Conv2dAttrs).stride == (2, 1)
    with pytest.raises(AssertionError, match="CONV_2D 'conv' has Conv2dAttrs, no PoolAttrs"):
        attrs_of(op, PoolAttrs)
    joined = Op(OpKind.CONCATENATION, "cat", (0, 1), (2,), ConcatenationAttrs(axis=3))
    assert attrs_of(joined, AxisAttrs).axis == 3


def test_attributes_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        conv(Conv2dAttrs()).attrs.stride = (2, 2)  # type: ignore[attr-defined]


def test_activations_are_fused_where_there_is_room_for_one() -> None:
    op = conv(Conv2dAttrs(stride=(2, 2)))
    clamped = replace(op, attrs=with_activation(op.attrs, Activation.RELU6))
    assert (op.activation, clamped.activation) == (Activation.NONE, Activation.RELU6)
    assert attrs_of(clamped, Conv2dAttrs).stride == (2, 2)
    assert fused_activation(AxisAttrs(axis=0)) is Activation.NONE
    with pytest.raises(AssertionError, match="AxisAttrs has no activation"):
        with_activation(AxisAttrs(axis=0), Activation.RELU)
    assert all(issubclass(traits.attrs, FusedAttrs) for traits in TRAITS.values() if traits.takes_activation)


def test_axes_of_length_one_move_for_free() -> None:
    turned = TransposeAttrs(permutation=(0, 2, 3, 1))
    assert turned.moves_bytes((1, 2, 3, 4))
    assert not turned.moves_bytes((1, 1, 3, 4))
    assert not turned.moves_bytes((1, 5, 1, 1))


def test_windows_have_a_dilation() -> None:
    assert PoolAttrs(filter=(3, 3)).dilation == (1, 1)
    assert Conv2dAttrs(dilation=(2, 4)).dilation == (2, 4)


def test_traits_fit_together() -> None:
    for kind, traits in TRAITS.items():
        assert not traits.mixes_channels or traits.has_weights, kind
        assert not traits.is_gemm or (traits.mixes_channels and traits.weight_output_axis == 0), kind
        assert sum((traits.is_reshape, traits.is_join, traits.is_split, traits.has_weights)) <= 1, kind
        assert not traits.is_reshape or traits.keeps_scale, kind
    assert [kind for kind, traits in TRAITS.items() if traits.attrs is ArithmeticAttrs] == ["ADD", "SUB", "MUL"]
