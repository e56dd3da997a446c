"""`edgeprune fit` for real on a small network: thinned, linked within limits, run on the emulated board, resumable."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgeprune.toolchain.size import read_size
from tests.command_line import run_edgeprune

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
    done = run_edgeprune("fit", *LIMITS, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_image_is_within_limits_that_the_network_as_it_was_broke(fitted: dict[str, object]) -> None:
    before, after = fitted["before"], fitted["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    assert before["flash_bytes"] > 24 * 1024 and before["ram_bytes"] > 9 * 1024
    assert fitted["fits"] is True
    assert 22 * 1024 <= after["flash_bytes"] <= 24 * 1024 and after["ram_bytes"] <= 9 * 1024
    assert fitted["source"] == "emulator"
    time, ticks = fitted["board_time"], fitted["total_ticks"]
    assert isinstance(time, dict) and isinstance(ticks, float) and time["counts_flash"] is True
    # no core takes less than a cycle an instruction; this one's loads take more, and its flash waits
    assert 1.1 < time["us"] * 84 / ticks < 2.0 and time["least_us"] < time["us"] < time["most_us"]


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
    profiled = run_edgeprune("profile", run, "--json", cwd=project)
    assert profiled.returncode == 0, profiled.stderr
    again = json.loads(profiled.stdout)
    # another input may take another branch of a maximum, nothing more
    assert abs(again["total_instructions"] / float(str(fitted["total_ticks"])) - 1) < 0.01
    assert again["arena_bytes"] == fitted["arena_bytes"]
    verified = run_edgeprune("verify", run, "--samples", "3", "--json", cwd=project)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["verified_samples"] == 3


def test_a_resumed_run_keeps_its_options(fitted: dict[str, object], project: Path) -> None:
    done = run_edgeprune("fit", "--resume", str(fitted["run"]), "--flash", "10KiB", "--ram-first", cwd=project)
    assert done.returncode == 2 and "--flash, --ram-first cannot be changed" in done.stderr and "hint:" in done.stderr


def test_a_finished_run_resumes_to_the_same_record(fitted: dict[str, object], project: Path) -> None:
    done = run_edgeprune("fit", "--resume", str(fitted["run"]), "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fitted


def test_an_impossible_limit_reports_what_is_reachable_before_training(project: Path) -> None:
    done = run_edgeprune("fit", "--ram", "2KiB", "--json", cwd=project)
    assert done.returncode == 3
    output = json.loads(done.stdout)
    assert "smallest reachable RAM" in output["error"] and "peak is at" in output["error"]
    assert "--ram" in output["hint"]


def test_a_limit_that_nothing_can_be_removed_for_is_refused_in_words(project: Path, tmp_path: Path) -> None:
    """One linear layer: its inputs are the network's and its outputs the classes."""
    (tmp_path / "model.py").write_text(
        "from torch import nn\n\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(144, 2))\n"
    )
    (tmp_path / "edgeprune.toml").write_text(PROJECT.replace('"data.npz"', f'"{project / "data.npz"}"'))
    done = run_edgeprune("fit", "--flash", "6KiB", "--json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    output = json.loads(done.stdout)
    assert "no channel of this network can be removed, and the smallest reachable flash" in output["error"]
    assert "--flash" in output["hint"]


def test_a_network_that_fits_is_left_whole_and_its_ram_is_its_own_image_s(project: Path) -> None:
    """Another machine stands in for the Nucleo, whose own start-up has variables of its own."""
    done = run_edgeprune("fit", "--samples", "2", "--target", "nucleo-f446re", "--runs", "own", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    data_bytes = [
        read_size(project / record["run"] / "firmware" / place / "firmware.elf").ram_parts["data"]
        for place in (".", "emulated")
    ]
    assert record["after"]["ram_parts"]["data"] == data_bytes[0] > data_bytes[1]
    assert record["widths"] == record["widths_before"]
    assert record["steps"] == []
    assert record["sqnr_db"] > 20
    assert {layer["name"] for layer in record["layer_sqnr"]} <= {"input", *record["layer_names"]}
    assert record["accuracy"]["float"] == record["accuracy"]["float_before"]


def test_latency_decides_where_a_kernel_has_no_cost_in_the_tables(project: Path) -> None:
    """Pooling was never measured on the M4: its cost is taken from this network's own layers on the emulator."""
    done = run_edgeprune("inspect", "--latency", "1us", "--json", cwd=project)
    assert done.returncode == 3 and "latency" in done.stderr, done.stderr
    assert json.loads(done.stdout)["fits"] is False
    done = run_edgeprune("fit", "--latency", "1us", "--epochs", "0", "--json", cwd=project)
    assert done.returncode == 3, done.stderr
    assert "the shortest reachable latency is" in json.loads(done.stdout)["error"]


def test_inspect_shows_whose_rounding_it_is(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("inspect", "--quantization", "--target", "mps2-an386")
    quantization = json.loads(run_edgeprune(*arguments, "--json", cwd=project).stdout)["quantization"]
    assert sum(layer["share"] for layer in quantization["layers"]) == pytest.approx(1)
    monkeypatch.setenv("COLUMNS", "80")
    shown = run_edgeprune(*arguments, cwd=project).stdout
    table = shown[shown.index("int8 outputs are") :].splitlines()
    assert max(map(len, table)) <= 80
    assert all(any(line.split()[:1] == [layer["name"]] for line in table) for layer in quantization["layers"])


def same_work(record: dict[str, object]) -> dict[str, object]:
    """A record without what differs between two runs of the same work: where, when and how long."""
    return {name: value for name, value in record.items() if name not in ("run", "created", "seconds_by_stage")}


def started(arguments: Sequence[str], cwd: Path) -> subprocess.Popen[str]:
    """A command in a session of its own, so that a signal reaches every process it started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and their children
    return subprocess.Popen(
        [sys.executable, "-m", "edgeprune", *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def noted(state: Path) -> list[str]:
    """Stages that a run has done so far; none before there is a run."""
    return list(json.loads(state.read_text())["notes"]) if state.is_file() else []


def kill_when(reached: Callable[[], bool], delay_s: float, arguments: Sequence[str], cwd: Path) -> None:
    """A command that is killed so long after it got somewhere, unless it ended before."""
    with started(arguments, cwd) as process:
        while process.poll() is None and not reached():
            time.sleep(0.02)
        time.sleep(delay_s)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill_and_resume(project: Path, fitted: dict[str, object], runs: str, seed: int, kills: int) -> None:
    """Each kill comes after 0 to 3 more stages were noted, and up to a second later: none waits for a clock alone."""
    moments, state = random.Random(seed), project / runs / "latest" / "state.json"
    for number in range(kills):
        wanted = len(noted(state)) + max(moments.randrange(4), 1 - number)
        arguments = ("fit", "--resume") if number else ("fit", *LIMITS)
        kill_when(lambda: len(noted(state)) >= wanted, moments.random(), (*arguments, "--runs", runs), project)  # noqa: B023
    done = run_edgeprune("fit", "--resume", "--runs", runs, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert same_work(again) | {"command": ""} == same_work(fitted) | {"command": ""}
    run = project / again["run"]
    assert hashlib.sha256((run / "model.tflite").read_bytes()).hexdigest() == fitted["model_sha256"]
    assert not list(run.rglob("*.tmp"))


def test_a_fit_killed_at_random_moments_ends_as_if_it_had_not_been(project: Path, fitted: dict[str, object]) -> None:
    kill_and_resume(project, fitted, "killed", seed=3, kills=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_fit_killed_six_times_ends_as_if_it_had_not_been(project: Path, fitted: dict[str, object], seed: int) -> None:
    kill_and_resume(project, fitted, f"killed-{seed}", seed, kills=6)


@pytest.mark.parametrize("stages", [0, 3])
def test_ctrl_c_is_one_line_and_leaves_no_emulator(project: Path, stages: int) -> None:
    state = project / f"interrupted-{stages}" / "latest" / "state.json"
    with started(("fit", *LIMITS, "--runs", f"interrupted-{stages}"), project) as process:
        while process.poll() is None and not (state.is_file() and len(noted(state)) >= stages):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate()[1]
    assert process.returncode == 130
    assert "Traceback" not in output
    assert not [line for line in processes() if str(state.parent.parent) in line]


def test_a_run_does_not_go_on_with_another_network(project: Path, fitted: dict[str, object]) -> None:
    state = project / "other" / "latest" / "state.json"
    kill_when(lambda: "depends on" in noted(state), 0.0, ("fit", *LIMITS, "--runs", "other"), project)
    model = project / "model.py"
    text = model.read_text()
    try:
        model.write_text(text.replace("nn.Linear(48, 2)", "nn.Linear(48, 2, bias=False)"))
        done = run_edgeprune("fit", "--resume", "--runs", "other", cwd=project)
    finally:
        model.write_text(text)
    assert done.returncode == 2
    assert "the network's layers or weights are others" in done.stderr and "hint:" in done.stderr
