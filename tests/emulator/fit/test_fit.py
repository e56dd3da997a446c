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

from edgeprune.toolchain.size import read_size

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
    time, ticks = fitted["board_time"], fitted["total_ticks"]
    assert isinstance(time, dict) and isinstance(ticks, float) and not time["counts_flash"]
    # no core takes less than a cycle an instruction; this one's loads take more
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
    profiled = edgeprune("profile", run, "--json", cwd=project)
    assert profiled.returncode == 0, profiled.stderr
    again = json.loads(profiled.stdout)
    # another input may take another branch of a maximum, nothing more
    assert abs(again["total_instructions"] / float(str(fitted["total_ticks"])) - 1) < 0.01
    assert again["arena_bytes"] == fitted["arena_bytes"]
    verified = edgeprune("verify", run, "--samples", "3", "--json", cwd=project)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["verified_samples"] == 3


def test_a_resumed_run_keeps_its_options(fitted: dict[str, object], project: Path) -> None:
    done = edgeprune("fit", "--resume", str(fitted["run"]), "--flash", "10KiB", "--ram-first", cwd=project)
    assert done.returncode == 2 and "--flash, --ram-first cannot be changed" in done.stderr and "hint:" in done.stderr


def test_a_finished_run_resumes_to_the_same_record(fitted: dict[str, object], project: Path) -> None:
    done = edgeprune("fit", "--resume", str(fitted["run"]), "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fitted


def test_an_impossible_limit_reports_what_is_reachable_before_training(project: Path) -> None:
    done = edgeprune("fit", "--ram", "2KiB", "--json", cwd=project)
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
    done = edgeprune("fit", "--flash", "6KiB", "--json", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    output = json.loads(done.stdout)
    assert "no channel of this network can be removed, and the smallest reachable flash" in output["error"]
    assert "--flash" in output["hint"]


def test_a_network_that_fits_is_left_whole_and_its_ram_is_its_own_image_s(project: Path) -> None:
    """Another machine stands in for the Nucleo, whose own start-up has variables of its own."""
    done = edgeprune("fit", "--samples", "2", "--target", "nucleo-f446re", "--runs", "own", "--json", cwd=project)
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
    done = edgeprune("inspect", "--latency", "1us", "--json", cwd=project)
    assert done.returncode == 3 and "latency" in done.stderr, done.stderr
    assert json.loads(done.stdout)["fits"] is False
    done = edgeprune("fit", "--latency", "1us", "--epochs", "0", "--json", cwd=project)
    assert done.returncode == 3, done.stderr
    assert "the shortest reachable latency is" in json.loads(done.stdout)["error"]


def test_inspect_shows_whose_rounding_it_is(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("inspect", "--quantization", "--target", "mps2-an386")
    quantization = json.loads(edgeprune(*arguments, "--json", cwd=project).stdout)["quantization"]
    assert sum(layer["share"] for layer in quantization["layers"]) == pytest.approx(1)
    monkeypatch.setenv("COLUMNS", "80")
    shown = edgeprune(*arguments, cwd=project).stdout
    table = shown[shown.index("int8 outputs are") :].splitlines()
    assert max(map(len, table)) <= 80
    assert all(any(line.split()[:1] == [layer["name"]] for line in table) for layer in quantization["layers"])


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
            output = process.communicate(timeout=after_s)[1]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, how)
            output = process.communicate()[1]
    return process.returncode, output


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
    exit_code, output = cut_off(("fit", *LIMITS, "--runs", "interrupted"), project, after_s, signal.SIGINT)
    assert exit_code in (130, -signal.SIGINT)  # the second: before Python had begun
    assert "Traceback" not in output
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
    assert "the network's layers or weights are others" in done.stderr and "hint:" in done.stderr
