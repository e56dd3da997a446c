"""`edgeprune fit` for real on a small network: thinned, linked within limits, run on the emulated board, resumable."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MODEL = """
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return nn.functional.relu(x + self.norm(self.conv(x)))


def build():
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), Block(24), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 2),
    )
"""

PROJECT = """
[model]
entry = "model.py:build"
input = [1, 12, 12]
name = "halves"

[data]
path = "data.npz"

[limits]
target = "cortex-m4"

[training]
epochs = 2
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Which half of a 12x12 image is brighter."""
    folder = tmp_path_factory.mktemp("project")
    random = np.random.default_rng(0)
    images = random.random((600, 1, 12, 12), np.float32)
    labels = random.integers(0, 2, 600)
    images[labels == 1, :, :6] += 0.5
    np.savez(folder / "data.npz", x_train=images[:500], y_train=labels[:500], x_test=images[500:], y_test=labels[500:])
    (folder / "model.py").write_text(MODEL)
    (folder / "edgeprune.toml").write_text(PROJECT)
    return folder


def edgeprune(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeprune", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def fitted(project: Path) -> dict[str, object]:
    done = edgeprune("fit", "--flash", "24KiB", "--ram", "9KiB", "--samples", "5", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_image_is_within_limits_that_the_network_as_it_was_broke(fitted: dict[str, object]) -> None:
    before, after = fitted["before"], fitted["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    assert before["flash_bytes"] > 24 * 1024 and before["ram_bytes"] > 9 * 1024
    assert fitted["fits"] is True
    assert 22 * 1024 <= after["flash_bytes"] <= 24 * 1024 and after["ram_bytes"] <= 9 * 1024
    assert fitted["source"] == "emulator"


def test_predicted_is_what_was_planned_and_linked(fitted: dict[str, object]) -> None:
    predicted, after = fitted["predicted"], fitted["after"]
    assert isinstance(predicted, dict) and isinstance(after, dict)
    assert predicted["ram_parts"]["arena"] == after["ram_parts"]["arena"]
    assert predicted["macs"] == after["macs"]
    assert abs(predicted["flash_bytes"] - after["flash_bytes"]) <= max(256, after["flash_bytes"] // 100)


def test_the_files_are_there_and_no_larger_than_claimed(fitted: dict[str, object], project: Path) -> None:
    run, artifacts = project / str(fitted["run"]), fitted["artifacts"]
    assert isinstance(artifacts, dict)
    for name in artifacts.values():
        assert (run / name).stat().st_size > 0
    assert (run / artifacts["bin"]).stat().st_size == fitted["flash_bytes"]
    assert not (run / "candidates").exists()


def test_the_run_can_be_profiled_and_verified_again(fitted: dict[str, object], project: Path) -> None:
    run = str(fitted["run"])
    profiled = edgeprune("profile", run, "--json", cwd=project)
    assert profiled.returncode == 0, profiled.stderr
    again = json.loads(profiled.stdout)
    # another input may take another branch of a maximum, nothing more
    assert abs(again["total_instructions"] / float(str(fitted["total_ticks"])) - 1) < 0.01
    assert again["arena_bytes"] == fitted["arena_bytes"]
    verified = edgeprune("verify", run, "--samples", "3", "--json", cwd=project)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["verified_samples"] == 3


def test_a_finished_run_resumes_to_the_same_record(fitted: dict[str, object], project: Path) -> None:
    done = edgeprune("fit", "--resume", str(fitted["run"]), "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fitted


def test_an_impossible_limit_says_what_is_reachable_before_training(project: Path) -> None:
    done = edgeprune("fit", "--ram", "2KiB", "--json", cwd=project)
    assert done.returncode == 3
    said = json.loads(done.stdout)
    assert "smallest reachable RAM" in said["error"] and "peak is at" in said["error"]
    assert "--ram" in said["hint"]


def test_a_network_that_fits_is_left_whole(project: Path) -> None:
    done = edgeprune("fit", "--samples", "2", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["widths"] == record["widths_before"]
    assert record["steps"] == []
    assert record["accuracy"]["float"] == record["accuracy"]["float_before"]
