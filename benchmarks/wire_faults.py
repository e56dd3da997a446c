"""Flash and profile sessions over a bad cable, counted by how they ended.

    PYTHONPATH=. python benchmarks/wire_faults.py [--sessions 10000] [--first-seed 0]

Each session meets one to four seeded faults (flipped bits, lost and repeated bytes, cut off transfers, stalls, a port
that goes away, a wire that goes dead) at random bytes: updates through our bootloader on a running emulated board,
ST's ROM loader as a double in Python with either erase, and the console of a running emulated board. Exit 1 when one
ends in anything but the truth or an error with a remedy.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeprune.device.emulator.emulator import EmulatorLink
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.bootloader import build_bootloader
from tests.emulator.boot.board import TARGET, Board
from tests.emulator.boot.images import tiny_firmware
from tests.emulator.wire_sessions import FAULTS, GOOD, Subject, count_bytes, hold
from tests.emulator.wire_subjects import BootSubject, ConsoleSubject, RomSubject

CONSOLE_TARGET = "mps2-an386"


@contextmanager
def _boot(folder: Path) -> Iterator[Subject]:
    board = Board(build_bootloader(load_target(TARGET), folder / "boot"), folder / "flash.bin")
    images = [tiny_firmware(TARGET, version, folder / f"app{version}") for version in (1, 2, 3)]
    try:
        yield BootSubject(board, images)
    finally:
        board.power_off()


@contextmanager
def _rom(extended: bool) -> Iterator[Subject]:
    yield RomSubject(extended)


@contextmanager
def _console(folder: Path) -> Iterator[Subject]:
    firmware = tiny_firmware(CONSOLE_TARGET, 1, folder / "plain")
    link = EmulatorLink(CONSOLE_TARGET, firmware.elf)
    link.open()
    try:
        yield ConsoleSubject(link, firmware)
    finally:
        link.close()


@dataclass(frozen=True)
class Kind:
    """`share`: how many of twenty sessions; emulated boards take a core for themselves, so one kind runs at a time."""

    name: str
    share: int
    opened: Callable[[Path], AbstractContextManager[Subject]]


KINDS = (
    Kind("update, our bootloader", 2, _boot),
    Kind("flash, ROM, extended erase", 8, lambda _: _rom(extended=True)),
    Kind("flash, ROM, classic erase", 7, lambda _: _rom(extended=False)),
    Kind("profile and verify", 3, _console),
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=10000, help="of all kinds together")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a kind's name")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if options.only in kind.name]
    shares = sum(kind.share for kind in kinds)
    bad = 0
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="edgeprune-wire-") as folder, kind.opened(Path(folder)) as subject:
            count_bytes(subject)
            bad += run(kind, subject, options.first_seed, options.sessions * kind.share // shares)
    return 1 if bad else 0


def run(kind: Kind, subject: Subject, first_seed: int, count: int) -> int:
    """Hold `count` sessions and print what came of them; how many ended badly."""
    held = []
    began_s = time.monotonic()
    for seed in range(first_seed, first_seed + count):
        held.append(hold(subject, seed))
        if held[-1].ending not in GOOD:
            print(f"seed {seed}, {kind.name}: {held[-1].ending}: {held[-1].summary}", flush=True)
    endings = Counter(session.ending for session in held)
    struck = Counter(fault for session in held for fault in session.struck)
    longest_s = max((session.duration_s for session in held), default=0.0)
    print(
        f"{kind.name}: {len(held):,} sessions in {(time.monotonic() - began_s) / 60:.1f} min, longest {longest_s:.1f} s"
    )
    print("  " + ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common()))
    print("  faults: " + ", ".join(f"{struck[fault]:,} {fault}" for fault in dict.fromkeys(FAULTS)), flush=True)
    return sum(session.ending not in GOOD for session in held)


if __name__ == "__main__":
    sys.exit(main())
