"""The scalar kernels give LiteRT's bytes: plain C on the host under sanitizers, and M3 and M0 code on the emulator.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgeprune.codegen.emit import emit
from edgeprune.ir import OpKind
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.target.profile import Isa
from edgeprune.tflite.read import read_tflite
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, random_samples, run_c, run_litert
from tests.firmware.overlapped import place_overlapped
from tests.firmware.random_layers import random_model

KINDS = ("conv2d", "square", "depthwise", "dense", "sum")


def _assert_scalar(calls) -> None:
    """Most layers take the fast kernel; without this the test could pass on plain C alone."""
    fast = sum(not call.sources[0].startswith("ref/") for call in calls)
    assert fast >= len(calls) * 0.6, f"{fast} of {len(calls)} layers"


@pytest.mark.parametrize("kind", KINDS)
def test_host(kind: str) -> None:
    model = random_model(kind, 25, seed=1)
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.SCALAR, Optimize.SPEED)
    _assert_scalar(calls)
    plan = place_overlapped(graph, calls)
    found = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for ours, theirs in zip(found, run_litert(model, samples), strict=True):
        for op, a, b in zip(graph.ops, ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=op.name)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("optimize", [pytest.param(Optimize.SIZE, marks=pytest.mark.slow), Optimize.SPEED])
@pytest.mark.parametrize("board", ["mps2-an385", "mps2-an385-armv6m"])
def test_emulated_board(board: str, optimize: Optimize) -> None:
    """All kinds in one image."""
    model = random_model("all", 48, seed=len(optimize) + len(board))
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.SCALAR, optimize)
    dense_may_stay_plain = optimize is Optimize.SIZE  # those of one scale take less flash so
    _assert_scalar([
        call for op, call in zip(graph.ops, calls, strict=True)
        if not (dense_may_stay_plain and op.kind is OpKind.FULLY_CONNECTED)
    ])  # fmt: skip
    plan = place_overlapped(graph, calls)
    found = run_on_board(board, emit(graph, calls, plan, IDENTITY), calls, samples)
    wanted = [
        b"".join(np.ascontiguousarray(value).tobytes() for value in outputs) for outputs in run_litert(model, samples)
    ]
    assert found == wanted
