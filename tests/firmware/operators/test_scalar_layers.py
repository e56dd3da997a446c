"""The scalar kernels give LiteRT's bytes: plain C on the host under sanitizers, and M3 and M0 code on the emulator.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import OpKind
from tests.firmware.host_engine import random_samples
from tests.firmware.layer_bytes import assert_board_bytes, assert_host_bytes
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
    assert_host_bytes(model, graph, calls, samples)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("optimize", [pytest.param(Optimize.SIZE, marks=pytest.mark.slow), Optimize.SPEED])
@pytest.mark.parametrize("board", ["mps2-an385", "mps2-an385-armv6m"])
def test_emulated_board(board: str, optimize: Optimize) -> None:
    """All kinds in one image, and means; windows and pieces have boards of theirs."""
    model = random_model((*KINDS, "mean"), 48, seed=len(optimize) + len(board))
    samples = random_samples(model, 2, seed=1)
    graph = read_tflite(model)
    calls = lower(graph, Isa.SCALAR, optimize)
    dense_may_stay_plain = optimize is Optimize.SIZE  # those of one scale take less flash so
    _assert_scalar([
        call for op, call in zip(graph.ops, calls, strict=True)
        if not (dense_may_stay_plain and op.kind is OpKind.FULLY_CONNECTED)
    ])  # fmt: skip
    assert_board_bytes(board, model, graph, calls, samples)
