"""Nothing a host may send is lost while the board computes: bytes at line rate, each chip's real FIFO."""

from __future__ import annotations

import pytest

from tests.emulator.test_boards import INPUTS
from tests.ports.chips import BOARDS
from tests.ports.conftest import READY
from tests.ports.test_boot import ask

UNANSWERED_BYTES = 127  # docs/console.md: fewer than 128


# one of each UART; the others are slow
KINDS = ("nucleo-f446re", "nucleo-u575zi-q", "nrf52840-dk", "raspberry-pi-pico")


@pytest.mark.parametrize(
    "name", [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in BOARDS]
)
def test_commands_sent_during_an_inference_are_answered(started, name) -> None:
    board = started(name)
    ask(board, b"db load 16")
    ask(board, b"db " + INPUTS.hex().encode())
    seconds = (UNANSWERED_BYTES + 10) * board.byte_seconds
    rounds = int(seconds * board.family.core_hz / 2000)  # the model takes more than 2000 instructions
    board.send(f"infer 1 {rounds}%".encode())
    board.run_to(b"m-warmup-start-")
    burst = b"name%" * (UNANSWERED_BYTES // 5)
    board.send(burst)
    board.run_to(b"m-infer-start-", 100_000_000)
    assert not board.on_the_wire
    board.run(lambda: board.sent.count(READY) == 1 + UNANSWERED_BYTES // 5, 100_000_000)
    assert board.sent.count(b"m-name-dut-[EdgePrune]\r\n") == UNANSWERED_BYTES // 5
    assert b"e-[" not in board.sent
    assert board.family.uart.lost == 0
    assert board.bus.complaints == []
