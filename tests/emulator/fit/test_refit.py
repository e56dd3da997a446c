"""`edgeprune refit` and `watch`: better, equal, worse and broken weights of a small network, on the emulated board."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.brighter_half import MODEL, save_brighter_half
from tests.command_line import run_edgeprune

PROJECT = """
[model]
entry = "model.py:build"
weights = "first.safetensors"
input = [1, 12, 12]

[data]
path = "data.npz"

[limits]
target = "cortex-m4"
flash = "13KiB"

[training]
batch = 16
epochs = 1

[ship]
max_loss = 1.0
"""


def trained(images: Tensor, labels: Tensor, steps: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(MODEL, names)
    module: nn.Module = names["build"]()  # type: ignore[operator]
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(steps):
        chosen = torch.randint(0, len(images), (64,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(images[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: value.contiguous() for name, value in module.state_dict().items()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Which half of an image is brighter; weights after few steps, after many, and of the opposite question."""
    images, labels = save_brighter_half(tmp_path / "data.npz", 600, 0.15)
    given, wanted = torch.from_numpy(images), torch.from_numpy(labels)
    save_file(trained(given, wanted, 45), tmp_path / "first.safetensors")
    save_file(trained(given, wanted, 150), tmp_path / "better.safetensors")
    save_file(trained(given, 1 - wanted, 150), tmp_path / "worse.safetensors")
    whole = (tmp_path / "better.safetensors").read_bytes()
    (tmp_path / "broken.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    return tmp_path


@pytest.mark.slow
def test_better_equal_worse_and_broken_weights(project: Path) -> None:
    assert run_edgeprune("fit", "--samples", "5", "--no-report", cwd=project).returncode == 0
    assert run_edgeprune("runs", "tag", "shipped", "latest", cwd=project).returncode == 0
    first = (project / "runs" / "tags" / "shipped").resolve()

    equal = run_edgeprune("refit", "shipped", "--weights", "first.safetensors", "--json", cwd=project)
    assert equal.returncode == 0, equal.stderr
    data = json.loads(equal.stdout)
    assert data["ship"] and data["old"]["score"] == data["new"]["score"] and data["source"] == "emulator"
    same = ("score", "device_score", "flash_bytes", "ram_bytes", "total_ticks")
    assert [data["old"][key] for key in same] == [data["new"][key] for key in same]
    records = [json.loads((folder / "run.json").read_text()) for folder in (first, project / data["run"])]
    assert records[0]["widths"] == records[1]["widths"] and records[0]["steps"][0]["widths"]["4"] < 24
    assert "sensitivity analysis" not in equal.stderr

    better = run_edgeprune("refit", "shipped", "--weights", "better.safetensors", "--tag", "shipped", cwd=project)
    assert better.returncode == 0 and better.stdout.startswith("ship")
    second = (project / "runs" / "tags" / "shipped").resolve()
    assert second != first and json.loads((second / "refit.json").read_text())["old"]["run"] == f"runs/{first.name}"

    (project / "new.safetensors").write_bytes((project / "better.safetensors").read_bytes())
    command = [sys.executable, "-m", "edgeprune", "watch", "shipped", "--weights", "new.safetensors", "--json"]
    command += ["--tag", "shipped", "--every", "0.2", "--times", "2"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None and watching.stdout is not None
        while not (project / "runs" / ".watched-shipped.json").is_file():
            assert watching.poll() is None
        for name in ("worse", "broken"):
            (project / "half.part").write_bytes((project / f"{name}.safetensors").read_bytes())
            (project / "half.part").replace(project / "new.safetensors")
            for line in watching.stderr:
                if line.startswith("do not ship"):
                    break
        refits = json.loads(watching.stdout.read())["refits"]
    assert [one["ship"] for one in refits] == [False, False]
    assert refits[0]["new"]["score"] < refits[0]["old"]["score"] and "not a safetensors file" in refits[1]["error"]
    assert (project / "runs" / "tags" / "shipped").resolve() == second

    (project / "worse.safetensors").replace(project / "new.safetensors")  # what that refit was begun on
    worse = run_edgeprune("refit", "--resume", Path(refits[0]["run"]).name, "--json", cwd=project)
    assert worse.returncode == 3 and json.loads(worse.stdout) | {"run": refits[0]["run"]} == refits[0]
    assert "do not ship: max_loss: accuracy" in worse.stderr
