"""How long `edgeprune runs` takes over many recorded runs: each call a fresh interpreter, the whole command measured.

One real fit of a small network is recorded; its folder's records are copied with other names, targets and figures.

python benchmarks/recorded_runs.py [COUNT]
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.brighter_half import save_brighter_half

COUNT = 10_000
CALLS = 5
TARGETS = ("cortex-m4", "nucleo-f446re", "raspberry-pi-pico")
MODEL = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
"""
PROJECT = """
[model]
entry = "model.py:build"
input = [1, 12, 12]

[data]
path = "data.npz"
"""


def edgeprune(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "edgeprune", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def recorded(folder: Path) -> Path:
    """A run of a small network, which half of an image is brighter."""
    save_brighter_half(folder / "data.npz")
    (folder / "model.py").write_text(MODEL)
    (folder / "edgeprune.toml").write_text(PROJECT)
    edgeprune(folder, "fit", "--target", "cortex-m4", "--epochs", "0", "--samples", "2", "--no-report")
    return (folder / "runs" / "latest").resolve()


def copied(original: Path, runs: Path, count: int) -> None:
    """Records of `count` runs like the original, with figures of their own."""
    record, state = (json.loads((original / name).read_text()) for name in ("run.json", "state.json"))
    chance = random.Random(0)
    for number in range(count):
        folder = runs / f"2026-01-01-{number:06d}-run"
        folder.mkdir(parents=True)
        record["target"] = chance.choice(TARGETS)
        record["flash_bytes"] = chance.randrange(20_000, 200_000)
        record["accuracy"]["int8"] = chance.uniform(50, 100)
        (folder / "run.json").write_text(json.dumps(record, indent=2))
        (folder / "state.json").write_text(json.dumps(state, indent=1))


def cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def seconds(folder: Path, *arguments: str) -> str:
    """Medians of whole commands, by the clock and of CPU: other work on the machine slows the clock alone."""
    clock, cpu = [], []
    for _ in range(CALLS):
        started, cpu_before_s = time.perf_counter(), cpu_s()
        edgeprune(folder, "runs", *arguments, "--runs", "many")
        clock.append(time.perf_counter() - started)
        cpu.append(cpu_s() - cpu_before_s)
    return f"{statistics.median(clock):.2f} s, {statistics.median(cpu):.2f} s of CPU"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(recorded(folder), folder / "many", count)
        started = time.perf_counter()
        edgeprune(folder, "runs", "list", "--runs", "many")
        first_s = time.perf_counter() - started
        print(f"{count:,} recorded runs, {os.cpu_count()} core(s), load {os.getloadavg()[0]:.1f}")
        print(f"first list, every record read: {first_s:.2f} s")
        print(f"medians of {CALLS} whole commands after it:")
        filters = ["--target", "cortex-m4", "--flash", "96KiB", "--accuracy", "90"]
        for title, arguments in {
            "list": ["list"],
            "list by target, flash and accuracy": ["list", *filters],
            "the same, sorted by score, as JSON": ["list", *filters, "--sort", "score", "--json"],
            "all of them as JSON": ["list", "--all", "--json"],
            "all of them as a table": ["list", "--all"],
            "gc --dry-run": ["gc", "--keep", "5000", "--older-than", "0", "--dry-run", "--json"],
        }.items():
            print(f"  {title}: {seconds(folder, *arguments)}")


if __name__ == "__main__":
    main()
