"""Depthwise, grouped, dilated and transposed convolutions give LiteRT's bytes, and none of them runs on plain C.

Inputs and outputs overlap to the byte as the kernels promise, so a promise that is too bold fails here.
"""

from __future__ import annotations

import shutil

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph
from tests.firmware.host_engine import random_samples
from tests.firmware.layer_bytes import assert_board_bytes, assert_host_bytes
from tests.firmware.random_layers import random_model

BOARDS = {
    "mps2-an386": Isa.DSP, "mps2-an385": Isa.SCALAR, "mps2-an385-armv6m": Isa.SCALAR, "mps3-an547": Isa.MVE,
}  # fmt: skip
KINDS = {"window": "ep_depthwise_", "pieces": "ep_pieces_", "transposed": "ep_pieces_", "step": "ep_"}


def _layers(kind: str, count: int, seed: int, isa: Isa) -> tuple[bytes, Graph, tuple[KernelCall, ...]]:
    model = random_model(kind, count, seed)
    graph = read_tflite(model)
    calls = lower(graph, isa, Optimize.SPEED)
    assert not any(call.function.endswith("_ref") for call in calls)
    assert sum(call.function.startswith(KINDS[kind]) for call in calls) > count // 2
    return model, graph, calls


@pytest.mark.parametrize("isa", [Isa.DSP, Isa.SCALAR])
@pytest.mark.parametrize("kind", KINDS)
def test_host(kind: str, isa: Isa) -> None:
    model, graph, calls = _layers(kind, 10, 3, isa)
    assert_host_bytes(model, graph, calls, random_samples(model, 2, seed=1))


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("kind", KINDS)
def test_emulated_board(kind: str, board: str) -> None:
    model, graph, calls = _layers(kind, 30, len(board), BOARDS[board])
    assert_board_bytes(board, model, graph, calls, random_samples(model, 2, seed=1))
