"""A sweep whose processes are killed, and one that is not: the same table, and nothing is done twice."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeprune.progress import Silent
from edgeprune.tasks.sweep.definition import SweepTable, trials_of
from edgeprune.tasks.sweep.run import begin_sweep, resume_sweep
from tests.brighter_half import save_brighter_half

MODEL = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2),
    )
"""
PROJECT = """
[model]
entry = "model.py:build"
input = [1, 12, 12]

[data]
path = "data.npz"

[limits]
target = "cortex-m4"
flash = "13KiB"
max_drop = 100
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_brighter_half(tmp_path / "data.npz")
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reached(project: Path, stage: str, sweeping: subprocess.Popen[bytes]) -> None:
    """Waits until the first trial noted the stage."""
    state = project / "runs" / "killed-1" / "state.json"
    while not state.is_file() or f'"{stage}"' not in state.read_text():
        assert sweeping.poll() is None
        time.sleep(0.02)


def worker_of(sweeping: subprocess.Popen[bytes]) -> int:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return next(int(pid) for pid, parent in map(str.split, listed.splitlines()) if int(parent) == sweeping.pid)


@pytest.mark.slow
def test_a_killed_sweep_comes_to_the_table_of_an_undisturbed_one(project: Path) -> None:
    runs, trials = Path("runs"), trials_of(SweepTable(epochs=1, samples=2), project)
    whole = begin_sweep(runs, "whole", trials, 1, Silent()).rows

    killed = ("sweep", "--name", "killed", "--epochs", "1", "--samples", "2", "--workers", "1")
    with subprocess.Popen([sys.executable, "-m", "edgeprune", *killed], stderr=subprocess.DEVNULL) as sweeping:
        reached(project, "baseline", sweeping)
        os.kill(worker_of(sweeping), signal.SIGKILL)
        reached(project, "round 1: damage curves", sweeping)
        worker = os.pidfd_open(worker_of(sweeping))
        sweeping.kill()
    ended, _, _ = select.select([worker], [], [], 60)
    os.close(worker)
    assert ended, "the process outlives its sweep"

    resumed = resume_sweep(runs, "killed", 1, Silent()).rows
    assert [(row.state, row.result) for row in resumed] == [(row.state, row.result) for row in whole]
    assert (whole[0].attempts, resumed[0].attempts) == (1, 3)
    assert resume_sweep(runs, "killed", 1, Silent()).rows == resumed
