"""The DSP kernels give LiteRT's bytes: their plain C on the host under sanitizers, and the instructions on an M4.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.code_cache import within_code_cache
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.host_engine import random_samples
from tests.firmware.layer_bytes import assert_board_bytes, assert_host_bytes
from tests.firmware.random_layers import random_model

KINDS = ("conv2d", "square", "depthwise", "dense", "sum", "mean")


def _assert_dsp(calls, kind: str) -> None:
    """Many layers take the fast kernel; without this the test could pass on plain C alone."""
    wanted = "dsp/winograd" if kind == "square" else "dsp/"
    fast = sum(call.sources[0].startswith(wanted) for call in calls)
    assert fast >= len(calls) * 0.4, f"{fast} of {len(calls)} {kind} layers"


@pytest.mark.parametrize("kind", KINDS)
def test_host(kind: str) -> None:
    model = random_model(kind, 16 if kind == "square" else 40, seed=1)
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, Optimize.SPEED)
    _assert_dsp(calls, kind)
    assert_host_bytes(model, graph, calls, samples)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("optimize", list(Optimize))
def test_emulated_m4(optimize: Optimize) -> None:
    """All kinds in one image, unrolled as far as each trade unrolls."""
    model = random_model("all", 60, seed=len(optimize))
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, optimize)
    _assert_dsp(calls, "random")
    assert_board_bytes("mps2-an386", model, graph, calls, samples)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_emulated_m4_with_code_for_a_small_cache() -> None:
    """Straight code for speed, looped until 640 B hold it."""
    model = random_model("all", 60, seed=11)
    graph = read_tflite(model)
    straight = lower(graph, Isa.DSP, Optimize.SPEED)
    calls = within_code_cache(straight, 640)
    looped = sum(one.shared != other.shared for one, other in zip(calls, straight, strict=True))
    assert looped >= 10, f"{looped} of {len(calls)} layers"
    assert_board_bytes("mps2-an386", model, graph, calls, random_samples(model, 2, seed=1))
