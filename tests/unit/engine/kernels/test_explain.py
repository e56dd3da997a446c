"""Why plain C runs a layer, in words."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.explain import runs_on, why_plain
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.random_nets import NONE, NetBuilder


@pytest.mark.parametrize(
    ("multiplier", "stride", "words"),
    [
        (1, 1, "a 1x40 window, 1x1x60x3 to 1x1x60x3"),
        (2, 1, "a 1x40 window, 2 filters a channel, 1x1x60x3 to 1x1x60x6"),
        (1, 2, "a 1x40 window, stride 2x2, 1x1x60x3 to 1x1x30x3"),
    ],
)
def test_a_layer_is_described_by_what_the_choice_goes_by(multiplier: int, stride: int, words: str) -> None:
    builder = NetBuilder(1)
    image, out_c = builder.input(1, 1, 60, 3), 3 * multiplier
    options = schema.DepthwiseConv2DOptionsT()
    options.depthMultiplier = multiplier
    value = builder._window("DEPTHWISE_CONV_2D", options, image, (1, 1, 40, out_c), 3, out_c, stride, True, NONE)
    graph = read_tflite(builder.build(value))
    (op,), (call,) = graph.ops, lower(graph, Isa.SCALAR, Optimize.SPEED)
    assert runs_on(call) == "ref"
    assert why_plain(graph, op, call, Isa.SCALAR, Optimize.SPEED) == f"no scalar kernel at speed for {words}"
