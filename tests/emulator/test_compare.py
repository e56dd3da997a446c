"""`edgeprune compare` on a small network: the same limits for all, resumable, table, JSON and plots."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.brighter_half import MODEL, save_brighter_half
from tests.command_line import run_edgeprune

PROJECT = """
[model]
entry = "model.py:build"
input = [1, 12, 12]

[data]
path = "data.npz"

[limits]
target = "cortex-m4"

[training]
batch = 16
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Which half of a 12x12 image is brighter."""
    save_brighter_half(tmp_path / "data.npz")
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    return tmp_path


def compare(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_edgeprune("compare", "--ram", "7KiB", "--epochs", "3", *arguments, cwd=project)


def test_methods_are_compared_at_the_same_limits_and_a_second_call_goes_on(project: Path) -> None:
    """Methods that train, on an untrained network: its weights are random."""
    early = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 24, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(24, 2),
    )  # fmt: skip
    torch.save(early.state_dict(), project / "early.pt")
    criteria, schedules = ("group-lasso", "learned-gates"), ("one-shot", "scratch", "rewind")
    chosen = ("--criteria", ",".join(criteria), "--schedules", ",".join(schedules), "--rewind", "early.pt")
    chosen = (*chosen, "--seeds", "1", "--latency", "50ms")
    done = compare(project, *chosen, "--json")
    assert done.returncode == 0, done.stderr
    assert "training uses the targets alone" in done.stderr
    data = json.loads(done.stdout)
    asked = [(criterion, schedule) for criterion in criteria for schedule in schedules]
    assert [(row["criterion"], row["schedule"]) for row in data["results"]] == asked
    for row in data["results"]:
        assert row["ram_bytes"] <= row["ram_limit_bytes"] == 7168 and row["fits"]
        assert abs(row["ram_bytes"] - row["predicted_ram_bytes"]) < 256 and row["instructions"] > 100_000
        assert row["latency_us"] < row["latency_limit_us"] == 50_000
        assert all(len(row[name]) == 1 for name in ("validation", "test", "int8_validation", "int8_test"))
    scratch = next(
        row for row in data["results"] if (row["criterion"], row["schedule"]) == ("learned-gates", "scratch")
    )
    assert scratch["validation"][0] > 85 and abs(scratch["test"][0] - scratch["int8_test"][0]) < 5
    folder = project / "runs" / "compare"
    assert json.loads((folder / "comparison.json").read_text()) == data
    assert "On the front" in (folder / "comparison.html").read_text()
    again = compare(project, *chosen)
    assert again.returncode == 0 and "leads" in again.stdout and "as int8; on test" not in again.stderr
    assert json.loads((folder / "comparison.json").read_text()) == data
    for other in (("--criteria", "l1"), (*chosen, "--optimize", "size")):
        refused = compare(project, *other)
        assert refused.returncode == 2 and "holds a comparison of other things" in refused.stderr
    with np.load(project / "data.npz") as kept:
        np.savez(project / "data.npz", x_train=kept["x_train"], y_train=1 - kept["y_train"])
    refused = compare(project, *chosen)
    assert refused.returncode == 2 and "samples or targets are others" in refused.stderr
    assert not (project / "runs" / "latest").exists()  # it is no run


def test_channels_that_may_come_back_and_windows_end_at_the_same_widths(project: Path) -> None:
    chosen = ("--criteria", "taylor", "--schedules", "masked,window", "--seeds", "1", "--epochs", "3", "--json")
    done = compare(project, *chosen)
    assert done.returncode == 0, done.stderr
    masked, window = json.loads(done.stdout)["results"]
    assert (masked["schedule"], window["schedule"]) == ("masked", "window") and masked["widths"] == window["widths"]
    assert masked["fits"] and window["fits"] and masked["ram_bytes"] == window["ram_bytes"]
    assert min(masked["int8_test"][0], window["int8_test"][0]) > 85


def test_criteria_are_compared_untrained(project: Path) -> None:
    """Each within the limits, by what the command's own record says; one that cannot rank the network is named."""
    asked = ("--flash", "13KiB", "--criteria", "l2,random,bn-scale,obs", "--json")
    done = run_edgeprune("criteria", "compare", *asked, cwd=project)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert {row["criterion"] for row in data["criteria"]} == {"l2", "random", "obs"}
    assert "has none" in data["refused"]["bn-scale"] and data["samples"] == 32
    scores = [row["score"] for row in data["criteria"]]
    assert scores == sorted(scores, reverse=True)
    for row in data["criteria"]:
        assert row["behind"] == pytest.approx(scores[0] - row["score"])
        assert row["flash_bytes"] <= 13 * 1024 and 2 <= sum(row["widths"].values()) < 16 + 24


def test_criteria_that_all_refuse_a_network_are_an_error_with_their_reasons(project: Path) -> None:
    plain = MODEL.replace("nn.BatchNorm2d(16), ", "")
    (project / "model.py").write_text(plain)
    done = run_edgeprune("criteria", "compare", "--flash", "13KiB", "--criteria", "bn-scale", cwd=project)
    assert done.returncode == 1 and "no criterion can rank this network:\n  bn-scale: " in done.stderr


def test_a_network_that_fits_leaves_nothing_to_choose(project: Path) -> None:
    done = run_edgeprune("criteria", "compare", "--criteria", "l2", cwd=project)
    assert done.returncode == 2 and "--flash" in done.stderr
