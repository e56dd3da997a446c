"""Each instruction set's kernels are chosen for the layers they are for."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.random_layers import random_model
from tests.firmware.random_nets import NONE, NetBuilder

EXPECTED = {
    Isa.REF: {"conv2d": "ref/", "depthwise": "ref/", "dense": "ref/", "sum": "ref/"},
    Isa.SCALAR: {
        "conv2d": "scalar/",
        "depthwise": "scalar/",
        "dense": "scalar/",
        "sum": "dsp/",
    },  # plain C, fast on all
    Isa.DSP: {"conv2d": "dsp/", "square": "dsp/winograd", "depthwise": "dsp/", "dense": "dsp/", "sum": "dsp/"},
    Isa.MVE: {"conv2d": "mve/", "depthwise": "mve/", "dense": "mve/", "sum": "mve/"},
}


@pytest.mark.parametrize(("isa", "kind"), [(isa, kind) for isa, kinds in EXPECTED.items() for kind in kinds])
def test_most_layers_take_the_kernel_of_their_instruction_set(isa: Isa, kind: str) -> None:
    graph = read_tflite(random_model(kind, 10, seed=3))
    calls = lower(graph, isa, Optimize.SPEED)
    own = [call for call in calls if any(source.startswith(EXPECTED[isa][kind]) for source in call.sources)]
    assert len(own) > 5, [call.function for call in calls]


@pytest.mark.parametrize(("taps", "is_reached"), [(3, True), (28, True), (40, False)])
def test_rows_of_a_window_that_armv6_m_does_not_reach_have_plain_code(taps: int, is_reached: bool) -> None:
    """Its loads reach 31 elements of two bytes from where a row begins."""
    builder = NetBuilder(1)
    image = builder.input(1, 1, 60, 3)
    options = schema.DepthwiseConv2DOptionsT()
    options.depthMultiplier = 1
    value = builder._window("DEPTHWISE_CONV_2D", options, image, (1, 1, taps, 3), 3, 3, 1, True, NONE)
    (call,) = lower(read_tflite(builder.build(value)), Isa.SCALAR, Optimize.SPEED)
    assert ("scalar/planes.c" in call.sources) is is_reached
