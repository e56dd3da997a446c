from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.ir import OpKind
from edgeprune.model.exits import WithExit, exit_places
from edgeprune.quantize.host import Kernels, dequantized_outputs, evaluate_int8, int8_outputs, quantized_inputs
from edgeprune.train.evaluate import evaluate
from edgeprune.train.objective import METRICS
from edgeprune.train.splits import make_splits


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with Exporter() as running:
        yield running


class Net(nn.Module):
    """A stride, a depthwise convolution, a functional add."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.stem(x)))
        return self.fc((torch.relu(self.depthwise(x)) + x).mean((2, 3)))


def samples(count: int = 64) -> Tensor:
    return torch.rand(count, 3, 12, 10, generator=torch.Generator().manual_seed(0))


def test_an_early_exit_is_a_second_output_of_the_same_scale(exporter: Exporter) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, 2), nn.Flatten(), nn.Linear(80, 4)
    )
    place = next(place for place in exit_places(module, samples(1)) if place.after == "1")
    assert place.cells == (4, 2)
    leaving = WithExit(module, "1", place.head(64, 4)).eval()
    with torch.no_grad():
        leaving.early_exit.fc.weight *= 5  # a range unlike the network's own
        wanted = [one.numpy() for one in leaving(samples())]
    exported = export_tflite(leaving, samples(), exporter)
    inputs = np.moveaxis(samples().numpy(), 1, -1)
    for real, got in zip(wanted, dequantized_outputs(exported.data, inputs), strict=True):
        assert np.abs(real - got).max() < 0.05 * np.abs(wanted[1]).max()
    assert not np.allclose(*wanted, atol=0.2 * np.abs(wanted[1]).max())
    graph = exported.graph()
    own, early = (graph.tensors[index] for index in graph.outputs)
    assert own.qparams == early.qparams
    names = [graph.ops[graph.producer[index]].name for index in graph.outputs]
    assert names == ["4", "early_exit.fc"]


def test_a_network_becomes_int8_and_stays_near(exporter: Exporter) -> None:
    module = Net().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    exported = export_tflite(module, samples(), exporter)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert exported.sqnr_db > 25
    assert exported.argmax_agreement is not None and exported.argmax_agreement > 0.9
    assert exported.layers[-1] == "fc"
    assert len(exported.stripped) < len(exported.data)
    names = [op.name for op in exported.graph().ops]
    assert len(set(names)) == len(names) and {"stem.pad", "stem", "depthwise", "add", "fc"} <= set(names)

    inputs = quantized_inputs(exported.data, np.moveaxis(samples(16).numpy(), 1, -1))
    reference, fast = (int8_outputs(exported.data, inputs, kernels) for kernels in Kernels)
    assert np.array_equal(reference, int8_outputs(exported.stripped, inputs))
    assert reference.dtype == np.int8 and reference.shape == (16, 4)
    assert np.abs(reference.astype(int) - fast).max() <= 2

    levels = np.stack([np.full((12, 10, 3), value, np.float32) for value in (0, 1, 9)])
    quantized = quantized_inputs(exported.data, levels)
    assert (quantized[0] == -128).all() and (quantized[1] >= 126).all() and (quantized[2] == 127).all()
    with pytest.raises(DataError, match=r"the model takes int8 \(12, 10, 3\)"):
        int8_outputs(exported.data, quantized.transpose(0, 3, 1, 2))


def test_no_transposes_are_left(exporter: Exporter) -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act, self.fc = nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.1), nn.Linear(4 * 5 * 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.max_pool2d(self.act(self.conv(x)), 2)
            return self.fc(x.view(x.size(0), -1))

    exported = export_tflite(Viewed(), samples(), exporter)
    assert OpKind.TRANSPOSE not in [op.kind for op in exported.graph().ops]
    assert exported.sqnr_db > 25


def test_vectors_and_regression(exporter: Exporter) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    inputs = torch.randn(200, 6)
    with torch.no_grad():
        splits = make_splits({"train": (inputs, module(inputs))}, (6,))
    data = export_tflite(module, splits.calibration.tensor(), exporter).data
    assert evaluate(module, splits.test, METRICS["r2"]) > 99.9
    assert 97 < evaluate_int8(data, splits.test, METRICS["r2"]) < 100


def test_layers_that_stay_float_are_named_and_the_converter_lives_on(exporter: Exporter) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(320, 2))
    with pytest.raises(ModelError, match="EXP 1") as caught:
        export_tflite(module, samples(4), exporter)
    assert caught.value.hint
    assert export_tflite(nn.Linear(3, 2), torch.rand(8, 3), exporter).data


def test_what_cannot_be_traced_is_told(exporter: Exporter) -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match="cannot be traced"):
        export_tflite(Branch(), samples(4), exporter)


def test_the_users_files_do_not_shadow_the_converters_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('the user has a json.py of their own')")
    monkeypatch.chdir(tmp_path)
    with Exporter() as exporter:
        assert "error" in exporter.ask({})


def test_a_dead_converter_is_told_and_leaves_nothing_behind() -> None:
    with Exporter() as dying:
        dying._process.kill()
        with pytest.raises(ModelError, match="the converter ended") as caught:
            export_tflite(Net().eval(), samples(4), dying)
        assert "memory" in str(caught.value.hint)
    assert not dying.folder.exists()


@pytest.mark.parametrize("content", [b"", b"TFL3 is not enough", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 40])
def test_broken_files_are_told(content: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        int8_outputs(content, np.zeros((1, 2), np.int8))
    assert caught.value.hint


class DeadBranch(nn.Module):
    """Beside what it hears, a branch that no sample gets through."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.dead, self.back = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        nn.init.constant_(self.dead.bias, -100.0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        return (x + self.back(torch.relu(self.dead(x)))).mean((2, 3))


def test_a_layer_that_never_speaks_is_exported_all_the_same(exporter: Exporter) -> None:
    exported = export_tflite(DeadBranch().eval(), samples(), exporter)
    assert exported.sqnr_db > 30
