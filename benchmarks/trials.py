"""A project, a fit of it that nobody interrupted, and how what an interrupted one leaves is judged."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forked
import kept
import numpy as np
from forked import Started

MODEL = """from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 12), nn.ReLU(), nn.Linear(12, 2)
    )
"""
PROJECT = """[model]
entry = "model.py:build"
input = [1, 8, 8]
name = "tiny"

[data]
path = "data.npz"

[limits]
target = "cortex-m4"
"""
FLASH_BYTES = 11200
FIT = ("fit", "--epochs", "1", "--samples", "3", "--flash", str(FLASH_BYTES), "--json")
VARYING = ("run", "created", "seconds_by_stage", "command")


class Trials:
    """A project, a fit of it that nobody interrupted, and what trials need of both."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.random, self.number = folder, random.Random(seed), 0
        self.true: set[tuple[Path, bytes]] = set()
        rng = np.random.default_rng(0)
        images, labels = rng.random((200, 1, 8, 8), np.float32), rng.integers(0, 2, 200)
        images[labels == 1, :, :4] += 0.5
        self.data = folder / "data.npz"
        np.savez(self.data, x_train=images[:150], y_train=labels[:150], x_test=images[150:], y_test=labels[150:])
        (folder / "model.py").write_text(MODEL)
        (folder / "edgeprune.toml").write_text(PROJECT)
        started = time.monotonic()
        first = self.start(*FIT, "--runs", "whole")
        assert first.wait() == 0, first.err.read_text()
        self.whole_s = time.monotonic() - started
        self.whole = json.loads(first.out.read_text())
        assert not self.judged(first)

    def start(self, *arguments: str, prepare: Callable[[], object] = lambda: None) -> Started:
        """`edgeprune ARGUMENTS` in a process of its own, after `prepare` there."""
        self.number += 1
        return forked.start(arguments, self.folder, str(self.number), prepare)

    def moment(self) -> float:
        """Seconds into a fit; the longest is a little past its end."""
        return self.random.uniform(0, 1.1) * self.whole_s

    def judged(self, done: Started) -> str:
        """What is untrue of a command that has ended, or was not said in words."""
        error = done.err.read_text(errors="replace")
        if done.code is not None and done.code < 0:
            return "" if done.code == -signal.SIGKILL else f"ended by signal {-done.code}"
        if "Traceback" in error or "fault of EdgePrune" in error:
            return f"a fault: {error.strip()[-300:]}"
        if done.code != 0:
            return "" if "hint:" in error else f"exit {done.code} without a hint: {error.strip()[-200:]}"
        record = json.loads(done.out.read_text())
        run = self.folder / record["run"]
        if (run, content := (run / "run.json").read_bytes()) in self.true:
            return ""
        left = [path.name for path in run.rglob("*") if path.name.endswith(".part")]
        if left:
            return f"left behind: {left}"
        judge = [sys.executable, "-I", str(kept.ROOT / "benchmarks" / "outside.py"), str(run), str(self.data)]
        told = subprocess.run(
            [*judge, "--flash", str(FLASH_BYTES), "--boot", "mps2-an386"], capture_output=True, text=True
        )
        if told.returncode != 0:
            return told.stdout.strip() or told.stderr.strip()[-300:]
        differs = [name for name in self.whole if name not in VARYING and record[name] != self.whole[name]]
        if differs:
            return f"other {', '.join(differs)} than the fit that nobody interrupted"
        self.true.add((run, content))
        return ""

    def is_begun(self, runs: str) -> bool:
        return (self.folder / runs / "latest" / "state.json").is_file()

    def resumed(self, runs: str, **how: Callable[[], object]) -> tuple[str, str]:
        """How the run under `runs` ends in the end, and what is untrue of that."""
        if not self.is_begun(runs):
            return "nothing begun", ""
        done = self.start("fit", "--resume", "--runs", runs, "--json", **how)
        untrue = "hangs" if done.wait() is None else self.judged(done)
        done.kill()
        return ("true" if done.code == 0 and not untrue else f"exit {done.code}"), untrue
