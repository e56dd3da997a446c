"""Both columns of a real board's profile, and what the next one is predicted from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edgeprune.cli import profile
from edgeprune.deploy.firmware.board_calibration import calibrated, learned, predicted_cycles
from edgeprune.device.console.replies import LayerTimings
from edgeprune.engine.cost.latency import kernel_costs, predicted_instructions
from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.hardware.registry import load_target

TABLED, UNTABLED = load_target("nucleo-f446re"), load_target("cortex-m55")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def a_model(target) -> Any:
    op = SimpleNamespace(name="conv1", kind="conv2d")
    graph = SimpleNamespace(ops=[op], output_of=lambda op: SimpleNamespace(shape=(1, 4, 4, 8)))
    function = next(iter(kernel_costs(target.cpu.core)))
    call = KernelCall(function, emit=lambda names: "", work=Work(50_000, 128))
    return SimpleNamespace(graph=graph, calls=(call,), running=(0,))


def measured(target, cycles: int) -> LayerTimings:
    """By a clock that is not the core's own."""
    return LayerTimings("timer", target.cpu.clock_hz // 2, 1, (cycles // 2,), cycles // 2)


def test_a_real_profile_scales_what_the_rules_predict() -> None:
    model = a_model(TABLED)
    time = PredictedTime((Cycles(700, 300),), Cycles(720, 330), TABLED.cpu.clock_hz, counts_flash=False)
    assert calibrated(time, model, TABLED) == time
    assert "no profile of this board; this one measured 1.20 of what its timing rules predict" in learned(
        model, TABLED, time, measured(TABLED, 1200)
    )
    after = calibrated(time, model, TABLED)
    assert predicted_cycles(model, TABLED, after) == [pytest.approx(1200)]
    assert after.whole.total == pytest.approx(1.2 * 1050)
    assert after.is_calibrated and after.counts_flash  # the board waited for its flash
    assert time.range_us is not None and after.range_us is None  # how well that carries over nobody measured
    stated = replace(time, counts_flash=True)
    assert calibrated(stated, model, TABLED).range_us is not None
    assert "earlier profiles" in learned(model, TABLED, time, measured(TABLED, 1100))
    assert calibrated(time, model, TABLED).layers[0].total == pytest.approx(1100)  # not 1100 / 1200 of it


def test_without_rules_it_scales_instructions() -> None:
    model = a_model(UNTABLED)
    (count,) = predicted_cycles(model, UNTABLED, None)
    assert count == predicted_instructions(model.calls[0], UNTABLED.cpu)
    said = learned(model, UNTABLED, None, measured(UNTABLED, 2 * round(0.875 * count)))
    assert "1.75 cycles an instruction" in said
    assert predicted_cycles(model, UNTABLED, None) == [pytest.approx(1.75 * count, abs=1)]


def test_without_the_emulator_nothing_is_learned_where_rules_are() -> None:
    model = a_model(TABLED)
    assert "nothing is learned" in learned(model, TABLED, None, measured(TABLED, 1200))
    assert predicted_cycles(model, TABLED, None) == [None]  # instructions are no cycles


def test_an_emulated_board_behind_a_port_is_called_emulated() -> None:
    subject = SimpleNamespace(name="a-model", target=TABLED, model=a_model(TABLED))
    timings = LayerTimings("instructions", 15_625_000, 1, (10,), 10)
    memory = SimpleNamespace(arena_bytes=1, stack_bytes=2, stack_all_bytes=3, data_bytes=4)
    data = profile._data(subject, timings, memory, profile._layers(subject, timings, [7.0]))
    assert data["source"] == "emulator" and data["total_instructions"] == 10 and data["total_us"] is None
