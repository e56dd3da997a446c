"""Both columns of a real board's profile, and what the next one is predicted from."""

from __future__ import annotations

from types import SimpleNamespace

from edgeprune.cli import profile
from edgeprune.device.console.replies import LayerTimings
from edgeprune.engine.cost.calibration import UNCALIBRATED, load_calibration
from edgeprune.engine.cost.latency import kernel_costs, predicted_instructions
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.hardware.registry import load_target

TARGET = load_target("nucleo-f446re")
FUNCTION = next(iter(kernel_costs(TARGET.cpu.core)))


def a_subject() -> SimpleNamespace:
    op = SimpleNamespace(name="conv1", kind="conv2d")
    graph = SimpleNamespace(ops=[op], output_of=lambda op: SimpleNamespace(shape=(1, 4, 4, 8)))
    call = KernelCall(FUNCTION, emit=lambda names: "", work=Work(50_000, 128))
    return SimpleNamespace(
        name="a-model", target=TARGET, model=SimpleNamespace(graph=graph, calls=(call,), running=(0,))
    )


def test_a_real_profile_predicts_the_next_one(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    subject = a_subject()
    instructions = predicted_instructions(subject.model.calls[0], TARGET.cpu)
    timings = LayerTimings("cycles", 180_000_000, 1, (round(1.75 * instructions),), round(1.8 * instructions))
    (first,) = profile._layers(subject, timings, UNCALIBRATED)
    assert (first.predicted, first.ticks) == (instructions, timings.layer_ticks[0])
    basis = profile._learned(subject, timings, None)
    assert "one cycle an instruction" in basis and "1.75 cycles an instruction" in basis
    (second,) = profile._layers(subject, timings, load_calibration(TARGET.name))
    assert round(second.predicted) == timings.layer_ticks[0]


def test_an_emulated_board_behind_a_port_is_called_emulated() -> None:
    timings = LayerTimings("instructions", 15_625_000, 1, (10,), 10)
    memory = SimpleNamespace(arena_bytes=1, stack_bytes=2, stack_all_bytes=3, data_bytes=4)
    data = profile._data(a_subject(), timings, memory, profile._layers(a_subject(), timings, UNCALIBRATED))
    assert data["source"] == "emulator" and data["total_instructions"] == 10 and data["total_us"] is None
