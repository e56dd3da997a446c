"""Commands sent at line rate while a board computes; each names itself, so that its answer shows what was read."""

from __future__ import annotations

from dataclasses import dataclass

from tests.emulator.test_boards import INPUTS
from tests.ports.machine import Hung, Machine

READY = b"m-ready\r\n"
UNANSWERED_BYTES = 127  # docs/console.md: fewer than 128
_MODEL_INSTRUCTIONS = 2000  # the hand-written model takes more
_PATIENCE = 200_000_000  # instructions


@dataclass
class Answers:
    """Commands by what became of them; once one is lost, so are those behind it."""

    right: int = 0
    lost: int = 0
    misread: int = 0


def ask(board: Machine, command: bytes) -> list[str]:
    """The lines of the answer."""
    board.send(command + b"%")
    return board.run_to(READY).decode().splitlines()


def load_input(board: Machine) -> None:
    ask(board, b"db load 16")
    ask(board, b"db " + INPUTS.hex().encode())


def fault(board: Machine) -> None:
    """Runs the hand-written model into an undefined instruction, and on until the reset that ends it."""
    load_input(board)
    ask(board, b"db load 16")
    ask(board, b"db " + bytes([111, 2, *INPUTS[2:]]).hex().encode())
    board.send(b"infer 1 0%")
    board.run(lambda: board.was_reset, 10_000_000)


def send_during_inference(board: Machine, first: int, count: int) -> Answers:
    """Sends commands `first` to `first + count - 1` while the board infers; all bytes arrive before it has ended."""
    commands = [f"x{number:05d}" for number in range(first, first + count)]
    burst = "".join(f"{command}%" for command in commands).encode()
    assert len(burst) <= UNANSWERED_BYTES
    rounds = int((len(burst) + 10) * board.byte_seconds * board.family.core_hz / _MODEL_INSTRUCTIONS)
    board.send(f"infer 1 {rounds}%".encode())
    board.run_to(b"m-warmup-start-")
    board.send(burst)
    board.run_to(b"m-warmup-done\r\n", _PATIENCE)
    assert not board.on_the_wire
    board.run_to(READY, _PATIENCE)
    answers = Answers()
    for command in commands:
        if answers.lost:
            answers.lost += 1
            continue
        try:
            reply = board.run_to(READY).decode()
        except Hung:
            answers.lost += 1
            continue
        if reply == f"e-[Unknown command: {command}]\r\nm-ready\r\n":
            answers.right += 1
        else:
            answers.misread += 1
    return answers
