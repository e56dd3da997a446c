"""The vector kernels give LiteRT's bytes on an emulated M55.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, random_samples, run_litert
from tests.firmware.layer_bytes import assert_board_bytes
from tests.firmware.random_layers import random_model
from tests.firmware.random_nets import random_net

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")


@pytest.mark.parametrize("kind", ["conv2d", "depthwise", "all"])
def test_emulated_m55(kind: str) -> None:
    model = random_model(kind, 45, seed=2)
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.MVE, Optimize.SPEED)
    fast = sum(call.sources[0].startswith("mve/") for call in calls)
    assert fast >= len(calls) * 0.4, f"{fast} of {len(calls)} {kind} layers"
    assert_board_bytes("mps3-an547", model, graph, calls, samples)


@pytest.mark.parametrize("seed", [3, 5])
def test_whole_nets(seed: int) -> None:
    """Cleaned and placed by the planner, so that outputs run into inputs as promised."""
    model = random_net(seed, 12)
    samples = random_samples(model, 2, seed=seed)
    graph = clean(read_tflite(model))
    calls = lower(graph, Isa.MVE, Optimize.SPEED)
    assert any(call.sources[0].startswith("mve/") for call in calls if call.sources)
    found = run_on_board("mps3-an547", emit(graph, calls, make_plan(graph, calls), IDENTITY), calls, samples)
    assert found == [b"".join(output.tobytes() for output in outputs) for outputs in run_litert(model, samples)]
