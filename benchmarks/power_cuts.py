"""Updates through our bootloader on the emulated board, each cut off by a power cut at a random moment.

    PYTHONPATH=. python benchmarks/power_cuts.py [--cuts 500] [--first-seed 0]

The emulator is killed; its flash is a file that keeps what was stored, and the cells that were being erased or
programmed are left a random mixture, as in real flash. Three in ten updates begin with an image on trial, and three in
ten power cuts are followed by another one while the loader recovers. Exit 1 when a board does not come back with its
old or new image.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.bootloader import build_bootloader
from tests.emulator.boot.board import TARGET, Board
from tests.emulator.boot.images import tiny_firmware
from tests.emulator.boot.power_cuts import Cutter, Moment


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    counts: Counter[tuple[Moment, bool]] = Counter()
    bad = second = 0
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgeprune-power-") as name:
        folder = Path(name)
        firmwares = [tiny_firmware(TARGET, version, folder / f"app{version}") for version in (1, 2, 3, 4)]
        board = Board(build_bootloader(load_target(TARGET), folder / "boot"), folder / "flash.bin")
        try:
            cutter = Cutter(board, firmwares)
            for seed in range(options.first_seed, options.first_seed + options.cuts):
                cut = cutter.cut(seed)
                counts[cut.moment, cut.runs_new] += 1
                second += cut.cuts - 1
                if cut.fault:
                    bad += 1
                    print(f"seed {seed}, {cut.moment}: {cut.fault}", flush=True)
        finally:
            board.power_off()
    minutes = (time.monotonic() - began_s) / 60
    print(f"{options.cuts} updates cut off, {second} of them twice, in {minutes:.1f} min; {bad} boards not whole")
    for moment in Moment:
        print(f"  {moment}: {counts[moment, False]} run the old image, {counts[moment, True]} the new one")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
