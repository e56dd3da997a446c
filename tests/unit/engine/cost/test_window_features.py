"""What the latency model counts of depthwise windows, against the padded image itself: each element is loaded once."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.random_nets import NONE, NetBuilder

CHANNELS = 16
WINDOWS = pytest.mark.parametrize(("rows", "taps", "columns"), [(1, 7, 20), (3, 5, 20), (5, 9, 24)])


def window(rows: int, taps: int, columns: int, isa: Isa) -> KernelCall:
    """Of an image as many rows high as the window."""
    builder = NetBuilder(1)
    image = builder.input(1, rows, columns, CHANNELS)
    options = schema.DepthwiseConv2DOptionsT()
    options.depthMultiplier = 1
    shape = (1, rows, taps, CHANNELS)
    value = builder._window("DEPTHWISE_CONV_2D", options, image, shape, 3, CHANNELS, 1, True, NONE)
    (call,) = lower(read_tflite(builder.build(value)), isa, Optimize.SPEED)
    return call


@WINDOWS
@pytest.mark.parametrize("isa", [Isa.SCALAR, Isa.DSP])
def test_planes(rows: int, taps: int, columns: int, isa: Isa) -> None:
    features = window(rows, taps, columns, isa).work.features
    padded_rows, padded_columns = 2 * rows - 1, columns + taps - 1
    assert features["loaded"] == CHANNELS * padded_rows * padded_columns
    assert features["loaded_rows"] == CHANNELS * padded_rows and features["sum_rows"] == CHANNELS * rows
    assert features["widened"] == CHANNELS * rows * taps  # weights, once a channel


@WINDOWS
def test_vectors(rows: int, taps: int, columns: int) -> None:
    features = window(rows, taps, columns, Isa.MVE).work.features
    assert features["columns"] == features["loads"] * (columns + taps - 1)
    assert features["channel_rows"] == CHANNELS * rows
