"""A sweep whose processes are killed, and one that is not: the same table, and nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
FIGURES = ("state", "score", "flash_bytes", "ram_bytes", "total_ticks", "model_sha256")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    numbers = np.random.default_rng(0)
    images = numbers.random((400, 1, 12, 12), np.float32)
    labels = numbers.integers(0, 2, 400)
    images[labels == 1, :, :6] += 0.5
    np.savez(tmp_path / "data.npz", x_train=images, y_train=labels)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    return tmp_path


def sweep(project: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgeprune", "sweep", *arguments, "--workers", "1", "--json"]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def trials(sweeping: subprocess.Popen[str]) -> list[dict[str, Any]]:
    stdout, _ = sweeping.communicate()
    assert sweeping.returncode == 0
    return list(json.loads(stdout)["trials"])


def reached(project: Path, stage: str, sweeping: subprocess.Popen[str]) -> None:
    """Waits until the first trial noted the stage."""
    state = project / "runs" / "killed-1" / "state.json"
    while not state.is_file() or f'"{stage}"' not in state.read_text():
        assert sweeping.poll() is None
        time.sleep(0.02)


def worker_of(sweeping: subprocess.Popen[str]) -> int:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return next(int(pid) for pid, parent in map(str.split, listed.splitlines()) if int(parent) == sweeping.pid)


@pytest.mark.slow
def test_a_killed_sweep_comes_to_the_table_of_an_undisturbed_one(project: Path) -> None:
    chosen = ("--epochs", "1", "--samples", "2")
    whole = trials(sweep(project, *chosen, "--name", "whole"))

    with sweep(project, *chosen, "--name", "killed") as first:
        reached(project, "baseline", first)
        worker = worker_of(first)
        first.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:  # it ends with the sweep
        time.sleep(0.02)

    second = sweep(project, "--resume", "killed")
    reached(project, "round 1: damage curves", second)
    os.kill(worker_of(second), signal.SIGKILL)
    resumed = trials(second)
    assert [[trial[key] for key in FIGURES] for trial in resumed] == [
        [trial[key] for key in FIGURES] for trial in whole
    ]
    assert (whole[0]["attempts"], resumed[0]["attempts"]) == (1, 3)

    again = trials(sweep(project, "--resume", "killed"))
    assert again == resumed
