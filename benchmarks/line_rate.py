"""10,000 commands to each port, at line rate, while its board computes: how many were answered, lost, misread.

    PYTHONPATH=. python benchmarks/line_rate.py [--commands 10000] [TARGET ...]

Each port's real image runs on a strict bus (tests/ports) with the receive FIFO its chip has; bytes come at the target's
baud rate in bursts of fewer than 128, all of them while an inference runs. Every command names itself and its answer
repeats the name. Exit 1 when one is lost or misread, or the bus complains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import build_firmware
from tests.emulator.conftest import tiny_sources
from tests.ports.bursts import READY, UNANSWERED_BYTES, Answers, load_input, send_during_inference
from tests.ports.chips import BOARDS
from tests.ports.machine import Machine

_A_BURST = UNANSWERED_BYTES // len("x00000%")


def bombard(name: str, commands: int) -> tuple[Machine, Answers]:
    target, board = load_target(name), BOARDS[name]
    with tempfile.TemporaryDirectory() as folder:
        elf = build_firmware(tiny_sources(name), target, Path(folder)).elf
        machine = Machine(target, elf, board.chip(), board.family)
    machine.run_to(READY)
    load_input(machine)
    total = Answers()
    for first in range(0, commands, _A_BURST):
        answers = send_during_inference(machine, first, min(_A_BURST, commands - first))
        for one in fields(Answers):
            setattr(total, one.name, getattr(total, one.name) + getattr(answers, one.name))
        if answers.lost:
            break
    return machine, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    print("target                 core MHz  FIFO, B     sent    right  lost  misread  complaints", flush=True)
    failed = False
    for name in options.targets or BOARDS:
        machine, total = bombard(name, options.commands)
        complaints = len(machine.bus.complaints)
        print(
            f"{name:<22} {machine.family.core_hz / 1e6:>8.0f} {machine.family.uart.depth:>8}"
            f" {options.commands:>8,} {total.right:>8,} {total.lost:>5} {total.misread:>8} {complaints:>11}",
            flush=True,
        )
        failed = failed or total != Answers(right=options.commands) or complaints > 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
