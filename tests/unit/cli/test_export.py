"""`edgeprune export`: what it writes, and what it refuses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph
from tests.unit.cli.conftest import Cli

PROJECT = """
[model]
entry = "net.py:build"
input = [3, 8, 8]
name = "small"

[data]
entry = "net.py:data"
mean = [0.5]
std = [0.25]
"""
SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.fc = nn.Conv2d(3, 48, 3), nn.Linear(48, 2)

    def forward(self, image):
        return self.fc(LAYER(self.stem(image)).mean((2, 3)))

def build():
    return Net()

def data():
    return {"train": (torch.rand(40, 3, 8, 8), torch.arange(40) % 2), "test": (torch.rand(8, 3, 8, 8), torch.arange(8) % 2)}
"""  # noqa: E501


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    (tmp_path / "net.py").write_text(SOURCE.replace("LAYER", "torch.relu"))
    return tmp_path


def weight_type(graph: Graph) -> DType:
    (weight,) = [tensor for tensor in graph.tensors if tensor.name == "stem.weight"]
    return weight.dtype


@pytest.mark.parametrize(
    ("name", "ends", "weights"),
    [
        ("int8", DType.INT8, DType.INT8), ("int16x8", DType.INT16, DType.INT8), ("int4", DType.INT8, DType.INT4),
        ("float32", DType.FLOAT32, DType.FLOAT32), ("float16", DType.FLOAT32, DType.FLOAT16),
        ("dynamic-range", DType.FLOAT32, DType.INT8),
    ],
)  # fmt: skip
def test_formats(cli: Cli, project: Path, name: str, ends: DType, weights: DType) -> None:
    done = cli("export", "--format", name, "--metadata", "--json")
    assert done.exit_code == 0, done.stderr
    path = project / f"small-{name}.tflite"
    assert done.data == {"tflite": path.name, "format": name, "size_bytes": path.stat().st_size}
    graph = read_tflite(path.read_bytes())
    assert {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)} == {ends}
    assert weight_type(graph) is weights
    runner = Interpreter(model_path=str(path))
    assert runner.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["fc"]}}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    (entry,) = model.metadata
    assert entry.name == b"edgeprune.json"
    facts = json.loads(bytes(model.buffers[entry.buffer].data))
    assert (facts["model"], facts["input"]["mean"], facts["input"]["std"]) == ("small", [0.5], [0.25])


def test_stripped(cli: Cli, project: Path) -> None:
    sizes = []
    for options in ([], ["--stripped"]):
        done = cli("export", "--out", "out.tflite", "--json", *options)
        assert done.exit_code == 0, done.stderr
        sizes.append(done.data["size_bytes"])
    assert sizes[1] < sizes[0]
    assert Interpreter(model_path=str(project / "out.tflite")).get_signature_list() == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stripped", "--metadata"], "--stripped leaves out what --metadata stores"),
        (["--exporter", "litert-torch", "--format", "int4"], "writes int8 and float32 files without metadata"),
        (["--exporter", "litert-torch", "--metadata"], "writes int8 and float32 files without metadata"),
    ],
)
def test_what_rules_each_other_out(cli: Cli, project: Path, options: list[str], message: str) -> None:
    done = cli("export", *options)
    assert done.exit_code == 2
    assert message in done.stderr and "hint:" in done.stderr
    assert not list(project.glob("*.tflite"))


def test_no_int16_kernel_is_told_with_the_layer(cli: Cli, project: Path) -> None:
    (project / "net.py").write_text(SOURCE.replace("LAYER", "nn.functional.hardswish"))
    done = cli("export", "--format", "int16x8")
    assert "no int16 kernel that is right for HARD_SWISH" in done.stderr and "hint: export int8" in done.stderr
    assert done.exit_code == UnsupportedOp.exit_code and not list(project.glob("*.tflite"))


def test_a_converter_that_is_not_installed(cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "litert_torch" else own(name, *rest)
    )
    done = cli("export", "--exporter", "litert-torch")
    assert done.exit_code == 2 and "there is no litert_torch" in done.stderr
    assert "pip install 'edgeprune[litert-torch]'" in done.stderr
    assert not list(project.glob("*.tflite"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ends"), [("int8", DType.INT8), ("float32", DType.FLOAT32)])
def test_the_other_converter(cli: Cli, project: Path, name: str, ends: DType) -> None:
    pytest.importorskip("litert_torch")
    done = cli("export", "--exporter", "litert-torch", "--format", name, "--json")
    assert done.exit_code == 0, done.stderr
    graph = read_tflite((project / f"small-{name}.tflite").read_bytes())
    assert graph.tensors[graph.inputs[0]].dtype is ends
    assert graph.tensors[graph.inputs[0]].shape == (1, 8, 8, 3)
