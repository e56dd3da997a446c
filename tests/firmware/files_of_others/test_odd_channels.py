"""Dead channels, sums beyond int32 and odd factors: LiteRT's bytes, and the neighbours stay on the fast kernel."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from tests.firmware.board_engine import run_on_board
from tests.firmware.files_of_others.odd_channels import odd_layers
from tests.firmware.host_engine import IDENTITY, place_disjoint, random_samples, run_c, run_litert

FAULTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "faults"
needs_faults = pytest.mark.skipif(not FAULTS.is_dir(), reason="no ../shared/data/faults beside the repository")


def assert_same_bytes(model: bytes, isa: Isa, folds: bool) -> list[str]:
    """The functions of its layers, `cut` before those that a plain kernel helps out."""
    graph = clean(read_tflite(model))
    if folds:
        graph = without_constant_channels(graph)
    calls, samples = lower(graph, isa, Optimize.SPEED), random_samples(model, 3, seed=1)
    plan = place_disjoint(graph, calls)
    ours = run_c(graph, emit(graph, calls, plan, IDENTITY), samples, gaps=plan.gaps)
    for one, other in zip(ours, run_litert(model, samples), strict=True):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"output {index}")
    return [f"cut {call.function}" if call.parts else call.function for call in calls]


@pytest.mark.parametrize("isa", [Isa.REF, Isa.SCALAR, Isa.DSP])
def test_odd_layers(isa: Isa) -> None:
    functions = assert_same_bytes(odd_layers(seed=3, count=12), isa, folds=isa is Isa.SCALAR)
    if isa is not Isa.REF:
        assert sum(function.startswith("cut ") for function in functions) >= 2
    if isa is not Isa.SCALAR:
        assert "ep_dense_steps_ref" in functions or any("cut ep_dense" in function for function in functions)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(6))
def test_many_odd_layers(seed: int) -> None:
    for isa in (Isa.REF, Isa.SCALAR, Isa.DSP):
        assert_same_bytes(odd_layers(seed=100 + seed, count=40), isa, folds=seed % 2 == 0)


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize(("target", "isa"), [("mps2-an386", Isa.DSP), ("mps3-an547", Isa.MVE)])
def test_emulated(target: str, isa: Isa) -> None:
    model = odd_layers(seed=5, count=16)
    samples, graph = random_samples(model, 2, seed=1), without_constant_channels(clean(read_tflite(model)))
    calls = lower(graph, isa, Optimize.SPEED)
    found = run_on_board(target, emit(graph, calls, make_plan(graph, calls), IDENTITY), calls, samples)
    assert found == [b"".join(output.tobytes() for output in outputs) for outputs in run_litert(model, samples)]


@needs_faults
def test_a_dead_channel_leaves_its_layer_as_it_was() -> None:
    whole, dead = (
        lower(without_constant_channels(clean(read_tflite(data))), Isa.DSP, Optimize.SPEED)[0]
        for data in ((FAULTS / f"{name}.tflite").read_bytes() for name in ("dense_ok", "dead_channel_slow"))
    )
    assert (dead.function, dead.work, dead.shared, dead.parts) == (whole.function, whole.work, whole.shared, ())


@needs_faults
@pytest.mark.parametrize("name", ["dead_channel_slow", "dead_channel_refused"])
def test_files_of_others(name: str) -> None:
    assert "cut" not in " ".join(assert_same_bytes((FAULTS / f"{name}.tflite").read_bytes(), Isa.DSP, folds=True))
