"""What a user gets wrong: each ends in one screen that states what, where and what to do, before training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.firmware.one_op import ModelBuilder
from tests.unit.cli.conftest import Cli

MODEL = """from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))
"""

PROJECT = """[model]
entry = "model.py:build"
input = [1, 8, 8]

[data]
path = "data.npz"

[limits]
target = "cortex-m4"
"""

_LINES_OF_A_SCREEN = 12


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a fault, which is the current folder."""
    random = np.random.default_rng(0)
    inputs, labels = random.random((80, 1, 8, 8), np.float32), random.integers(0, 2, 80)
    np.savez(tmp_path / "data.npz", x_train=inputs, y_train=labels)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(cli: Cli, *arguments: str, exit_code: int = 1) -> str:
    """The command's messages when it refuses; every refusal is short, has a hint and leaves no half-written file."""
    outcome = cli(*arguments)
    assert outcome.exit_code == exit_code, outcome.stderr
    assert "Traceback" not in outcome.stderr and "fault of EdgePrune" not in outcome.stderr
    assert outcome.stdout == ""
    messages = outcome.stderr.splitlines()
    assert len(messages) <= _LINES_OF_A_SCREEN
    assert any(line.startswith("hint: ") for line in messages), outcome.stderr
    assert not [path for path in Path().rglob("*") if path.suffix in (".tmp", ".partial")]
    return outcome.stderr


def with_weights(project: Path, name: str) -> None:
    text = PROJECT.replace("input =", f'weights = "{name}"\ninput =')
    (project / "edgeprune.toml").write_text(text)


def test_a_missing_model_file(cli: Cli, project: Path) -> None:
    (project / "model.py").unlink()
    assert "model.py" in refused(cli, "fit")


def test_a_model_file_that_is_no_python(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text("def build(:\n")
    assert "line 1" in refused(cli, "fit")


def test_a_build_function_that_raises_is_named_with_its_line(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text("def build():\n    return undefined_name\n")
    messages = refused(cli, "fit")
    assert "model.py line 2" in messages and "undefined_name" in messages


def test_an_entry_that_is_no_module(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text("def build():\n    return 7\n")
    assert "returned a int, not a torch.nn.Module" in refused(cli, "fit")


def test_a_missing_checkpoint(cli: Cli, project: Path) -> None:
    with_weights(project, "gone.safetensors")
    assert "gone.safetensors" in refused(cli, "fit")


@pytest.mark.parametrize("name", ["broken.safetensors", "broken.pt"])
def test_a_truncated_checkpoint(cli: Cli, project: Path, name: str) -> None:
    from safetensors.torch import save_file

    state = nn.Linear(4, 4).state_dict()
    if name.endswith(".pt"):
        torch.save(state, project / name)
    else:
        save_file(state, project / name)
    whole = (project / name).read_bytes()
    (project / name).write_bytes(whole[: len(whole) // 2])
    with_weights(project, name)
    assert name in refused(cli, "fit")


def test_a_checkpoint_of_another_network_names_what_differs(cli: Cli, project: Path) -> None:
    torch.save({"0.weight": torch.zeros(8, 1, 5, 5), "0.bias": torch.zeros(8)}, project / "other.pt")
    with_weights(project, "other.pt")
    messages = refused(cli, "fit")
    assert "other.pt" in messages and ("3.weight" in messages or "0.weight" in messages)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploded",)


def test_a_checkpoint_that_would_run_code_does_not(cli: Cli, project: Path) -> None:
    torch.save({"0.weight": _Bomb()}, project / "bomb.pt")
    with_weights(project, "bomb.pt")
    assert "bomb.pt" in refused(cli, "fit")
    assert not (project / "exploded").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_in_the_data_that_is_no_number(cli: Cli, project: Path, value: float) -> None:
    inputs = np.zeros((80, 1, 8, 8), np.float32)
    inputs[7, 0, 3, 4] = value
    np.savez(project / "data.npz", x_train=inputs, y_train=np.zeros(80, np.int64))
    assert "first: sample 7" in refused(cli, "fit")


@pytest.mark.parametrize(("label", "messages"), [(2, "the highest is 2"), (-1, "the lowest is -1")])
def test_a_label_out_of_range(cli: Cli, project: Path, label: int, messages: str) -> None:
    labels = np.arange(80) % 2
    labels[11] = label
    np.savez(project / "data.npz", x_train=np.zeros((80, 1, 8, 8), np.float32), y_train=labels)
    assert messages in refused(cli, "fit")


def test_data_that_are_all_zero(cli: Cli, project: Path) -> None:
    np.savez(project / "data.npz", x_train=np.zeros((80, 1, 8, 8), np.float32), y_train=np.arange(80) % 2)
    assert "inputs of 'train' are the same, 0 throughout" in refused(cli, "fit", "--epochs", "0")
    np.savez(project / "data.npz", x_train=np.random.rand(80, 1, 8, 8), y_train=np.zeros(80, np.int64))
    assert "targets of 'train' are the same, 0 throughout" in refused(cli, "fit")


def test_data_of_another_shape(cli: Cli, project: Path) -> None:
    np.savez(project / "data.npz", x_train=np.zeros((80, 3, 8, 8), np.float32), y_train=np.zeros(80, np.int64))
    assert "(80, 3, 8, 8)" in refused(cli, "fit")


def test_a_missing_data_file(cli: Cli, project: Path) -> None:
    (project / "data.npz").unlink()
    assert "data.npz" in refused(cli, "fit")


def test_an_unknown_key(cli: Cli, project: Path) -> None:
    (project / "edgeprune.toml").write_text(PROJECT + "\n[training]\nepoch = 3\n")
    assert "epoch" in refused(cli, "fit", exit_code=2)


def test_an_unknown_target_suggests_the_nearest(cli: Cli, project: Path) -> None:
    assert "nucleo-f446re" in refused(cli, "fit", "--target", "nucleo-f446r", exit_code=2)


def test_an_unknown_criterion_suggests_the_nearest(cli: Cli, project: Path) -> None:
    assert "taylor" in refused(cli, "fit", "--criterion", "tailor", exit_code=2)
    assert not (project / "runs").exists()


def test_a_limit_larger_than_the_target(cli: Cli, project: Path) -> None:
    assert "262,144 B" in refused(cli, "fit", "--flash", "1MiB", exit_code=2)


def test_a_layer_outside_the_set_is_named_with_its_line(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.fc = nn.Linear(64, 2)\n\n    def forward(self, x):\n"
        "        return self.fc(torch.erfinv(x.flatten(1)))\n\n\ndef build():\n    return Net()\n"
    )
    messages = refused(cli, "fit")
    assert "erfinv" in messages and "model.py:11" in messages
    assert not (project / "runs" / "latest" / "run.json").exists()


def test_a_path_through_the_network_that_depends_on_the_data(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(64, 2)\n\n    def forward(self, x):\n        if x.sum() > 0:\n            x = -x\n"
        "        return self.fc(x.flatten(1))\n\n\ndef build():\n    return Net()\n"
    )
    assert "model.py:10" in refused(cli, "fit")


def one_layer() -> bytes:
    """An int8 file with one operator."""
    model = ModelBuilder()
    given = model.input((1, 16), scale=0.1)
    answer = model.tensor((1, 16), scale=1 / 256, zero=-128)
    model.op("LOGISTIC", [given], [answer])
    model.output(answer)
    return model.build()


def test_an_operator_outside_the_set_is_named_with_its_place(cli: Cli, tmp_path: Path) -> None:
    model = ModelBuilder()
    given = model.input((1, 16), scale=0.1)
    answer = model.tensor((1, 16), scale=0.1)
    model.op("COS", [given], [answer])
    model.output(answer)
    (tmp_path / "cosine.tflite").write_bytes(model.build())
    messages = refused(cli, "build", str(tmp_path / "cosine.tflite"), "--target", "cortex-m4")
    assert "cosine.tflite" in messages and "COS" in messages and "op 0 of 1" in messages


@pytest.mark.parametrize("command", ["build", "run", "profile", "verify"])
@pytest.mark.parametrize("kept", [0, 5, 100])
def test_a_tflite_file_cut_short(cli: Cli, tmp_path: Path, command: str, kept: int) -> None:
    whole = one_layer()
    assert len(whole) > kept
    (tmp_path / "cut.tflite").write_bytes(whole[:kept])
    assert "cut.tflite" in refused(cli, command, str(tmp_path / "cut.tflite"), "--target", "mps2-an386")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_under_the_run(project: Path, full_disk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune", "fit", "--runs", str(full_disk / "runs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the disk is full" in done.stderr and "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(full_disk.rglob("run.json"))


def test_a_layer_the_device_has_not_is_named_before_training(cli: Cli, project: Path) -> None:
    (project / "model.py").write_text(MODEL.replace("nn.ReLU()", "nn.MaxPool2d(2, 1, 1, dilation=2)"))
    messages = refused(cli, "fit")
    assert "a maximum pool with dilation and padding" in messages and "training" not in messages


@pytest.mark.parametrize("command", ["inspect", "fit"])
@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--latency", "0", "a limit of 0 for latency leaves nothing"),
        ("--flash", "0", "a limit of 0 for flash leaves nothing"),
        ("--ram", "0KiB", "a limit of 0 for ram leaves nothing"),
        ("--max-drop", "nan", "nan is no number of points"),
        ("--max-drop", "inf", "inf is no number of points"),
    ],
)
def test_a_limit_that_is_none(cli: Cli, project: Path, command: str, option: str, value: str, words: str) -> None:
    message = refused(cli, command, option, value, exit_code=2)
    assert words in " ".join(message.split())


def test_an_early_exit_for_no_number_of_points(cli: Cli, project: Path) -> None:
    assert "nan is no number of points" in refused(cli, "fit", "--early-exit", "nan", exit_code=2)


def test_a_latency_that_a_processor_cannot_go_below_is_not_called_held(cli: Cli, project: Path) -> None:
    """A program's time is what somebody measured; the profile's roofline is a floor."""
    outcome = cli("inspect", "--target", "pi4", "--latency", "1s")
    assert outcome.exit_code == 3 and "is not judged" in outcome.stderr
    assert "cannot be judged" in outcome.stdout and "fits" not in outcome.stdout.split()
    data = json.loads(cli("inspect", "--target", "pi4", "--latency", "1s", "--json").stdout)
    assert data["fits"] is False and data["unjudged"] == ["latency"]
    assert cli("inspect", "--target", "pi4").exit_code == 0
