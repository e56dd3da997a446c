"""Nothing a host may send is lost while the board computes: bytes at line rate, each chip's real FIFO.

benchmarks/line_rate.py sends 10,000 commands to each.
"""

from __future__ import annotations

import pytest

from tests.ports.bursts import UNANSWERED_BYTES, Answers, load_input, send_during_inference
from tests.ports.chips import BOARDS

COMMANDS = UNANSWERED_BYTES // len("x00000%")
# one of each UART; the others are slow
KINDS = ("nucleo-f446re", "nucleo-u575zi-q", "nrf52840-dk", "raspberry-pi-pico")


@pytest.mark.parametrize(
    "name", [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in BOARDS]
)
def test_commands_sent_during_an_inference_are_answered(started, name) -> None:
    board = started(name)
    load_input(board)
    assert send_during_inference(board, 0, COMMANDS) == Answers(right=COMMANDS)
    assert board.family.uart.lost == 0
    assert board.bus.complaints == []
