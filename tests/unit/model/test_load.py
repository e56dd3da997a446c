from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from edgeprune.errors import ModelError
from edgeprune.model.load import load_module

MODEL = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

def build():
    return Net()

def build_wrong():
    return 3

def build_raises():
    raise ValueError("no such width: 7")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def state(root: Path) -> dict[str, torch.Tensor]:
    return load_module("model.py:build", None, root).state_dict()


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict"])
def test_loads_pt_and_wrapped_checkpoints(root: Path, wrapper: str | None) -> None:
    weights = state(root)
    torch.save(weights if wrapper is None else {wrapper: weights, "epoch": 3}, root / "w.pt")
    module = load_module("model.py:build", Path("w.pt"), root)
    assert not module.training
    assert all(torch.equal(value, weights[key]) for key, value in module.state_dict().items())


def test_loads_float16_safetensors_as_float32(root: Path) -> None:
    weights = {key: value.half() for key, value in state(root).items()}
    safetensors.torch.save_file(weights, root / "w.safetensors")
    module = load_module("model.py:build", Path("w.safetensors"), root)
    assert all(parameter.dtype == torch.float32 for parameter in module.parameters())
    assert torch.equal(module.get_parameter("fc.weight"), weights["fc.weight"].float())


@pytest.mark.parametrize(
    ("entry", "expected_message"),
    [
        ("model.py", "no entry"),
        ("absent.py:build", "not there"),
        ("model.py:biuld", "no function 'biuld'"),
        ("model.py:build_wrong", "returned a int"),
        ("model.py:build_raises", r"ValueError: no such width: 7 \(model.py line 20\)"),
    ],
)
def test_wrong_entries_are_reported(root: Path, entry: str, expected_message: str) -> None:
    with pytest.raises(ModelError, match=expected_message) as caught:
        load_module(entry, None, root)
    assert caught.value.hint


def test_nearest_function_is_suggested(root: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_module("model.py:biuld", None, root)
    assert "model.py:build" in str(caught.value.hint)


def test_a_file_that_does_not_parse_is_reported_with_its_line(root: Path) -> None:
    (root / "broken.py").write_text("import torch\ndef build(:\n")
    with pytest.raises(ModelError, match=r"broken.py raised SyntaxError.*line 2"):
        load_module("broken.py:build", None, root)


def test_mismatches_are_named(root: Path) -> None:
    weights = state(root)
    weights["fc.weight"] = torch.zeros(5, 4)
    weights["extra"] = weights.pop("conv.bias")
    torch.save(weights, root / "w.pt")
    with pytest.raises(ModelError) as caught:
        load_module("model.py:build", Path("w.pt"), root)
    text = caught.value.message
    assert "1 missing: conv.bias" in text
    assert "1 not in the model: extra" in text
    assert "fc.weight is (5, 4), the model has (2, 4)" in text


def test_non_finite_weights_are_refused(root: Path) -> None:
    weights = state(root)
    weights["fc.bias"][1] = torch.nan
    torch.save(weights, root / "w.pt")
    with pytest.raises(ModelError, match=r"1 of 2 values of fc.bias"):
        load_module("model.py:build", Path("w.pt"), root)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all", b"PK\x03\x04cut"])
def test_broken_files_are_reported(root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_module("model.py:build", Path(name), root)
    assert name in caught.value.message and caught.value.hint


def test_missing_weights_are_reported(root: Path) -> None:
    with pytest.raises(ModelError, match="not there"):
        load_module("model.py:build", Path("none.pt"), root)
