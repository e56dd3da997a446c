"""What a file may say of a tensor's quantization, at both sides of each bound."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.ir import QParams
from tests.firmware.one_op import ModelBuilder

LAST = (1 << 31) - 1


def read(scale: Sequence[float], zero: Sequence[int], axis: int = 1) -> QParams | None:
    model = ModelBuilder()
    x = model.input((1, 3), scale=scale, zero=zero, axis=axis)
    y = model.tensor((1, 3), scale=0.1)
    model.op("RELU", [x], [y])
    model.output(y)
    graph = read_tflite(model.build())
    return graph.tensors[graph.inputs[0]].qparams


@pytest.mark.parametrize("zero", [LAST, -LAST - 1, 0])
def test_zero_points_of_int32(zero: int) -> None:
    found = read([0.5], [zero])
    assert found is not None and (found.scale, found.zero_point, found.axis) == ((0.5,), (zero,), None)


@pytest.mark.parametrize("zero", [LAST + 1, -LAST - 2, 1 << 40])
def test_zero_points_beyond(zero: int) -> None:
    with pytest.raises(ModelError, match="zero point outside int32") as refused:
        read([0.5], [zero])
    assert refused.value.hint


def test_scales_along_an_axis() -> None:
    found = read([0.5, 0.25, 0.125], [0])
    assert found is not None and (found.scale, found.zero_point, found.axis) == ((0.5, 0.25, 0.125), (0, 0, 0), 1)
    for scale, axis in (([0.5, 0.25], 1), ([0.5, 0.25, 0.125], 0), ([0.5, 0.25, 0.125], 2), ([0.5] * 3, -1)):
        with pytest.raises(ModelError, match="scales on axis"):
            read(scale, [0], axis)


def test_an_activation_has_no_scale_below_zero() -> None:
    with pytest.raises(ModelError, match="has a scale below zero"):
        read([-0.5], [0])


@pytest.mark.parametrize("scale", [float("inf"), float("nan")])
def test_scales_that_cannot_be(scale: float) -> None:
    with pytest.raises(ModelError, match="impossible scales"):
        read([scale], [0])
    with pytest.raises(ModelError, match="impossible scales"):
        read([0.5, 0.25, 0.125], [0, 0])
