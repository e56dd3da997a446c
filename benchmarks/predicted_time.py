"""Predicted milliseconds of the MLPerf Tiny models on boards, by cause, beside what others published there.

    python benchmarks/predicted_time.py                 # four models, eight boards
    python benchmarks/predicted_time.py --write         # and keep the output in benchmarks/results/predicted_time.txt
    python benchmarks/predicted_time.py --only kws

Nobody measured any of ours: docs/time.md says what they are made of. Needs ../shared (models, published figures), QEMU
and the cross-compiler.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from math import nan
from pathlib import Path

from kept import ROOT, Pieces, commit, parser, publish
from models import NAMES, SHARED, load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import emulated_target, link_images
from edgeprune.deploy.firmware.predicted_time import flash_timing, predicted_time
from edgeprune.deploy.firmware.ram_budget import within_ram
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.space import unbounded_space

BOARDS = (
    "nucleo-l4r5zi",
    "nucleo-f446re",
    "nucleo-h743zi",
    "nucleo-u575zi-q",
    "nrf52840-dk",
    "raspberry-pi-pico",
    "raspberry-pi-pico-2",
    "nucleo-g0b1re",
)
# ../shared/facts/cycles.md: the best published on that very board, ms.
PUBLISHED = {
    "nucleo-l4r5zi": {"kws": 43.19, "ad": 4.05, "ic": 165.13, "vww": 88.93},
    "nucleo-u575zi-q": {"kws": 29.06, "ad": 3.43, "ic": 104.29, "vww": 59.28},
    "nucleo-g0b1re": {"kws": 474.61, "ad": 40.89, "ic": 1522.07, "vww": 1414.43},
}
GOAL_MS = {"kws": 32.0, "ad": 3.3, "ic": 100.0, "vww": 60.0}  # on the NUCLEO-L4R5ZI


def load(name: str) -> bytes:
    """As models.py has them; VWW with its trained weights."""
    trained = SHARED / "data" / "mlperf-tiny" / "vww96_int8.tflite"
    return trained.read_bytes() if name == "vww" else load_model(name, ROOT / ".cache" / "models")


def on(name: str, board: str, spends_ram: bool) -> PredictedTime | None:
    target = load_target(board)
    model = compile_model(load(name), target, CompileOptions(Optimize.SPEED))
    if spends_ram:
        model = within_ram(model, target, target.region("ram").size_bytes)
    with tempfile.TemporaryDirectory() as folder:
        images = link_images(model, target, Path(folder), unbounded_space(target))
        assert emulated_target(target) is not None and images.emulated is not None
        return predicted_time(images.emulated.elf, target)


def row(name: str, board: str, time: PredictedTime, how: str) -> str:
    whole, (least_us, most_us) = time.whole, time.range_us or (nan, nan)
    shares = " ".join(
        f"{100 * getattr(whole, cause) / whole.total:8.0f} %"
        for cause in ("compute", "memory", "branch", "flash_code", "flash_data")
    )
    ms = f"{time.us / 1e3:9.2f} {least_us / 1e3:9.2f} {most_us / 1e3:9.2f}"
    text = f"{name:5} {board:20} {ms} {whole.core:12,.0f} {shares} {how:20}"
    if board in PUBLISHED:
        text += f" {PUBLISHED[board][name]:10.2f}"
    if board == "nucleo-l4r5zi":
        text += f" {GOAL_MS[name]:8.1f} {'yes' if time.us / 1e3 <= GOAL_MS[name] else 'no'}"
    return text.rstrip()


def measured_row(name: str, board: str, spends_ram: bool) -> str:
    time = on(name, board, spends_ram)
    assert time is not None
    how = "constants in RAM" if spends_ram else "" if time.counts_flash else "flash waits left out"
    return row(name, board, time, how)


def main() -> None:
    arguments = parser(__doc__, __file__)
    arguments.add_argument("--only", choices=NAMES)
    arguments.add_argument("--board", choices=BOARDS, action="append")
    chosen = arguments.parse_args()
    kept = Pieces(chosen.pieces)
    lines = [
        f"commit {commit()}, speed; predicted, nothing ran on hardware",
        f"{'model':5} {'board':20} {'ms':>9} {'least':>9} {'most':>9} {'core cycles':>12} "
        + " ".join(f"{cause:>10}" for cause in ("compute", "memory", "branch", "flash code", "flash data"))
        + f" {'':20} {'published':>10} {'goal':>8} held",
    ]
    for name in [chosen.only] if chosen.only else NAMES:
        for board in chosen.board or BOARDS:
            timing = flash_timing(load_target(board))
            waits = timing is not None and timing.wait_states > 0
            for spends_ram in (False, True) if waits else (False,):
                key = f"{name} {board}{' RAM' if spends_ram else ''}"
                lines.append(kept.measured(key, partial(measured_row, name, board, spends_ram)))
                print(lines[-1], file=sys.stderr, flush=True)
    publish(lines, chosen.write)


if __name__ == "__main__":
    main()
