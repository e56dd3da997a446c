"""The DSP kernels give LiteRT's bytes: their plain C on the host under sanitizers, and the instructions on an M4.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgeprune.codegen.emit import emit
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.target.profile import Isa
from edgeprune.tflite.read import read_tflite
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.overlapped import place_overlapped
from tests.firmware.random_layers import random_model

KINDS = ("conv2d", "square", "depthwise", "dense", "sum", "mean")


def _joined(outputs: list[np.ndarray]) -> bytes:
    return b"".join(np.ascontiguousarray(output).tobytes() for output in outputs)


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
    plan = place_overlapped(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        for op, a, b in zip(graph.ops, ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=op.name)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("optimize", list(Optimize))
def test_emulated_m4(optimize: Optimize) -> None:
    """All kinds in one image, unrolled as far as each trade unrolls."""
    model = random_model("all", 60, seed=len(optimize))
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, optimize)
    _assert_dsp(calls, "random")
    plan = place_overlapped(graph, calls)
    found = run_on_board("mps2-an386", emit(graph, calls, plan, IDENTITY), calls, samples)
    assert found == [_joined(outputs) for outputs in run_litert(model, samples)]
