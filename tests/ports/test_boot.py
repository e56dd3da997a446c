"""Every port's real image, from reset to answers, on a bus that complains of whatever its chip's manual forbids."""

from __future__ import annotations

import pytest

from edgeprune.hardware.registry import load_target, target_names
from tests.emulator.test_boards import INPUTS, tiny_outputs
from tests.ports.bursts import READY, ask, fault, load_input
from tests.ports.chips import BOARDS, EMULATED_ONLY


def test_every_port_has_a_strict_bus() -> None:
    ported = {name for name in target_names() if load_target(name).firmware}
    assert ported == set(BOARDS) | EMULATED_ONLY


@pytest.mark.parametrize("name", BOARDS)
def test_a_port_starts_without_a_complaint(started, name) -> None:
    board = started(name)
    board.family.finished()
    assert board.bus.complaints == []


@pytest.mark.parametrize("name", BOARDS)
def test_an_inference_gives_the_models_bytes_and_a_time(started, name) -> None:
    board = started(name)
    load_input(board)
    lines = ask(board, b"infer 2 0")
    first, last = (int(line.rsplit("-", 1)[1]) for line in lines if line.startswith("m-lap-us-"))
    assert last >= first and "m-infer-done" in lines
    sums = [(value - 256 if value > 127 else value) for value in tiny_outputs(INPUTS)[:4]]
    assert lines[-2].startswith("m-results-[" + ",".join(f"{(value + 128) / 256:.3f}" for value in sums))
    assert board.bus.complaints == []


@pytest.mark.parametrize("name", [name for name in BOARDS if "m0" not in load_target(name).cpu.core])
def test_a_cycle_counter_that_stands_still_is_an_error(machine, name) -> None:
    board = machine(name)
    board.core.stands_still = True
    board.run_to(READY)
    load_input(board)
    for command in (b"infer 1 0", b"ep layers 1"):
        lines = ask(board, command)
        assert "e-[The clock does not count: cycles]" in lines
        assert not any(line.startswith(("m-lap-us", "m-ep-layer")) for line in lines)


@pytest.mark.parametrize("name", BOARDS)
def test_a_fault_is_sent_whole_before_the_reset(started, name) -> None:
    board = started(name)
    fault(board)
    assert board.sent.startswith(b"m-warmup-start-0\r\n") and board.sent.endswith(b"]\r\n")
    assert b"e-[fault r0=" in board.sent
    assert board.bus.complaints == []
