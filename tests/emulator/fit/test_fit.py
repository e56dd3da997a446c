"""`edgeprune fit` for real on a small network: thinned, linked within limits, run on the emulated board, resumable."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
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

LIMITS = ("--flash", "24KiB", "--ram", "9KiB", "--samples", "5")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Which half of a 12x12 image is brighter."""
    folder = tmp_path_factory.mktemp("project")
    numbers = np.random.default_rng(0)
    images = numbers.random((600, 1, 12, 12), np.float32)
    labels = numbers.integers(0, 2, 600)
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
        env=environment(),
    )


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}


def processes() -> list[str]:
    """Command lines of everything that runs here."""
    return [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]


@pytest.fixture(scope="module")
def fitted(project: Path) -> dict[str, object]:
    done = edgeprune("fit", *LIMITS, "--json", cwd=project)
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
    ram, found = predicted["ram_parts"], after["ram_parts"]
    assert (ram["arena"], ram["data"]) == (found["arena"], found["data"])
    assert abs(ram["stack"] - found["stack"]) <= 32  # measured on the network as it was; its own once it is linked
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


def test_latency_is_checked_where_no_cost_of_a_kernel_is_known(project: Path) -> None:
    """Pooling was never measured on the M4: nothing is predicted, so the linked image's instructions are counted."""
    done = edgeprune("fit", "--latency", "1ms", "--epochs", "0", "--json", cwd=project)
    assert done.returncode == 3, done.stderr
    assert "never measured on cortex-m4" in done.stderr and "latency at" in json.loads(done.stdout)["error"]


def same_work(record: dict[str, object]) -> dict[str, object]:
    """A record without what differs between two runs of the same work: where, when and how long."""
    return {name: value for name, value in record.items() if name not in ("run", "created", "seconds_by_stage")}


def cut_off(arguments: tuple[str, ...], cwd: Path, after_s: float, how: signal.Signals) -> tuple[int, str]:
    """Exit code and stderr of a command that gets a signal, with every process it started, after some seconds."""
    with subprocess.Popen(
        [sys.executable, "-m", "edgeprune", *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=after_s)[1]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, how)
            said = process.communicate()[1]
    return process.returncode, said


def kill_and_resume(project: Path, fitted: dict[str, object], runs: str, moments_s: Sequence[float]) -> None:
    begin = ("fit", *LIMITS, "--runs", runs)
    cut_off(begin, project, moments_s[0], signal.SIGKILL)
    while not (project / runs / "latest" / "state.json").is_file():  # killed before there was anything to resume
        cut_off(begin, project, moments_s[0] + 2, signal.SIGKILL)
    for moment_s in moments_s[1:]:
        cut_off(("fit", "--resume", "--runs", runs), project, moment_s, signal.SIGKILL)
    done = edgeprune("fit", "--resume", "--runs", runs, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert same_work(again) | {"command": ""} == same_work(fitted) | {"command": ""}
    run = project / again["run"]
    assert hashlib.sha256((run / "model.tflite").read_bytes()).hexdigest() == fitted["model_sha256"]
    assert not list(run.rglob("*.tmp"))


def test_a_fit_killed_at_random_moments_ends_as_if_it_had_not_been(project: Path, fitted: dict[str, object]) -> None:
    moments_s = [random.Random(3).uniform(2, 9) for _ in range(3)]
    kill_and_resume(project, fitted, "killed", moments_s)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_fit_killed_ten_times_ends_as_if_it_had_not_been(project: Path, fitted: dict[str, object], seed: int) -> None:
    moments = random.Random(seed)
    kill_and_resume(project, fitted, f"killed-{seed}", [moments.uniform(1, 10) for _ in range(10)])


@pytest.mark.parametrize("after_s", [1.0, 6.0])
def test_ctrl_c_is_one_line_and_leaves_no_emulator(project: Path, after_s: float) -> None:
    exit_code, said = cut_off(("fit", *LIMITS, "--runs", "interrupted"), project, after_s, signal.SIGINT)
    assert exit_code in (130, -signal.SIGINT)  # the second: before Python had begun
    assert "Traceback" not in said
    assert not [line for line in processes() if str(project / "interrupted") in line]


def test_a_run_does_not_go_on_with_another_network(project: Path, fitted: dict[str, object]) -> None:
    state, after_s = project / "other" / "latest" / "state.json", 5.0
    while not (state.is_file() and '"network"' in state.read_text()):
        cut_off(("fit", *LIMITS, "--runs", "other"), project, after_s, signal.SIGKILL)
        after_s += 2
    model = project / "model.py"
    text = model.read_text()
    try:
        model.write_text(text.replace("nn.Linear(48, 2)", "nn.Linear(48, 2, bias=False)"))
        done = edgeprune("fit", "--resume", "--runs", "other", cwd=project)
    finally:
        model.write_text(text)
    assert done.returncode == 2
    assert "not the one this run began with" in done.stderr and "hint:" in done.stderr
