"""Each instruction set's kernels are chosen for the layers they are for."""

from __future__ import annotations

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.random_layers import random_model

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
