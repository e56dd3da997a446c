"""The instructions themselves keep inside their tensors on emulated boards; and one stray byte would be noticed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.board_engine import run_on_board
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_litert
from tests.firmware.random_layers import random_model
from tests.firmware.watched import watched

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")


@pytest.mark.parametrize(
    ("isa", "board"), [(Isa.SCALAR, "mps2-an385"), (Isa.DSP, "mps2-an386"), (Isa.MVE, "mps3-an547")]
)
def test_nothing_between_tensors_is_written_or_matters(isa: Isa, board: str) -> None:
    model = random_model("all", 40, seed=3)
    samples = random_samples(model, 1, seed=3) * 2
    graph = read_tflite(model)
    calls = lower(graph, isa, Optimize.SPEED)
    plan = place_disjoint(graph, calls)
    found = run_on_board(board, watched(emit(graph, calls, plan, IDENTITY), plan.gaps), calls, samples)
    assert found == [b"".join(output.tobytes() for output in outputs) for outputs in run_litert(model, samples)]


def test_a_stray_byte_turns_the_outputs_over() -> None:
    model = random_model("sum", 2, seed=3)
    samples = random_samples(model, 1, seed=3)
    graph = read_tflite(model)
    calls = lower(graph, Isa.DSP, Optimize.SPEED)
    plan = place_disjoint(graph, calls)
    files = watched(emit(graph, calls, plan, IDENTITY), plan.gaps)
    start, size = plan.gaps[-1]
    astray = files["model.c"].replace("    invoke();\n", f"    invoke();\n    arena[{start + size - 1}] ^= 1U;\n")
    (found,) = run_on_board("mps2-an386", {**files, "model.c": astray}, calls, samples)
    wanted = b"".join(output.tobytes() for output in run_litert(model, samples)[0])
    assert found == (~np.frombuffer(wanted, np.uint8)).tobytes()
