"""Predicted milliseconds of the MLPerf Tiny models on boards, by cause, beside what others published there.

    python benchmarks/predicted_time.py                 # four models, every board whose flash timing is stated
    python benchmarks/predicted_time.py --write         # and keep the output in benchmarks/results/predicted_time.txt
    python benchmarks/predicted_time.py --only kws

Nobody measured any of ours: docs/time.md says what they are made of. Needs ../shared (models, published figures), QEMU
and the cross-compiler.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from kept import ROOT, commit, parser, publish
from models import NAMES, SHARED, load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import emulated_target, link_images
from edgeprune.deploy.firmware.predicted_time import predicted_time
from edgeprune.deploy.firmware.ram_budget import within_ram
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.space import unbounded_space

BOARDS = (
    "nucleo-l4r5zi",
    "nucleo-f446re",
    "stm32f4-discovery",
    "mps2-an386",
    "cortex-m3",
    "cortex-m33",
    "cortex-m0plus",
)
# ../shared/facts/cycles.md: the best published on a NUCLEO-L4R5ZI, ms.
PUBLISHED = {"kws": 43.19, "ad": 4.05, "ic": 165.13, "vww": 88.93}
GOAL_MS = {"kws": 32.0, "ad": 3.3, "ic": 100.0, "vww": 60.0}


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
    whole, (least_us, most_us) = time.whole, time.range_us
    shares = " ".join(
        f"{100 * getattr(whole, cause) / whole.total:8.0f} %"
        for cause in ("compute", "memory", "branch", "flash_code", "flash_data")
    )
    ms = f"{time.us / 1e3:9.2f} {least_us / 1e3:9.2f} {most_us / 1e3:9.2f}"
    text = f"{name:5} {board:18} {ms} {whole.core:12,.0f} {shares} {how:16}"
    if board != "nucleo-l4r5zi":
        return text.rstrip()
    return f"{text} {PUBLISHED[name]:10.2f} {GOAL_MS[name]:8.1f} {'yes' if time.us / 1e3 <= GOAL_MS[name] else 'no'}"


def main() -> None:
    arguments = parser(__doc__, __file__)
    arguments.add_argument("--only", choices=NAMES)
    arguments.add_argument("--board", choices=BOARDS, action="append")
    chosen = arguments.parse_args()
    lines = [
        f"commit {commit()}, speed; predicted, nothing ran on hardware",
        f"{'model':5} {'board':18} {'ms':>9} {'least':>9} {'most':>9} {'core cycles':>12} "
        + " ".join(f"{cause:>10}" for cause in ("compute", "memory", "branch", "flash code", "flash data"))
        + f" {'':16} {'published':>10} {'goal':>8} held",
    ]
    for name in [chosen.only] if chosen.only else NAMES:
        for board in chosen.board or BOARDS:
            for spends_ram in (False, True) if load_target(board).code_cache_bytes else (False,):
                time = on(name, board, spends_ram)
                assert time is not None
                lines.append(row(name, board, time, "constants in RAM" if spends_ram else ""))
    publish(lines, chosen.write)


if __name__ == "__main__":
    main()
