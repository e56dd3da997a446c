from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError, UnsupportedOp
from edgeprune.export.tflite import export_tflite, sqnr_db
from edgeprune.ir import OpKind
from edgeprune.model.draft import Draft
from edgeprune.model.exits import WithExit, exit_places
from edgeprune.quantize.host import Kernels, dequantized_outputs, int8_outputs, quantized_inputs
from edgeprune.train.evaluate import evaluate
from edgeprune.train.evaluate_int8 import evaluate_int8
from edgeprune.train.metrics import METRICS
from edgeprune.train.splits import make_splits


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


def test_an_early_exit_is_a_second_output_of_the_same_scale() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, 2), nn.Flatten(), nn.Linear(80, 4)
    )
    place = next(place for place in exit_places(module, samples(1)) if place.after == "1")
    assert place.cells == (4, 2)
    leaving = WithExit(module, "1", place.head(64, 4)).eval()
    with torch.no_grad():
        leaving.early_exit.fc.weight *= 5  # a range unlike the network's own
        wanted = [one.numpy() for one in leaving(samples())]
    exported = export_tflite(leaving, samples())
    inputs = np.moveaxis(samples().numpy(), 1, -1)
    for real, got in zip(wanted, dequantized_outputs(exported.data, inputs), strict=True):
        assert np.abs(real - got).max() < 0.05 * np.abs(wanted[1]).max()
    assert not np.allclose(*wanted, atol=0.2 * np.abs(wanted[1]).max())
    graph = exported.graph()
    own, early = (graph.tensors[index] for index in graph.outputs)
    assert own.qparams == early.qparams
    names = [graph.ops[graph.producer[index]].name for index in graph.outputs]
    assert names == ["4", "early_exit.fc"]


def test_a_network_becomes_int8_and_stays_near() -> None:
    module = Net().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    exported = export_tflite(module, samples())
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


def test_no_transposes_are_left() -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act, self.fc = nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.1), nn.Linear(4 * 5 * 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.max_pool2d(self.act(self.conv(x)), 2)
            return self.fc(x.view(x.size(0), -1))

    exported = export_tflite(Viewed(), samples())
    assert OpKind.TRANSPOSE not in [op.kind for op in exported.graph().ops]
    assert exported.sqnr_db > 25


def test_vectors_and_regression() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    inputs = torch.randn(200, 6)
    with torch.no_grad():
        splits = make_splits({"train": (inputs, module(inputs))}, (6,))
    data = export_tflite(module, splits.calibration.tensor()).data
    assert evaluate(module, splits.test, METRICS["r2"]) > 99.9
    assert 97 < evaluate_int8(data, splits.test, METRICS["r2"]) < 100


def test_what_the_device_has_no_operator_for_is_refused_by_layer() -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.Flatten(), nn.Linear(320, 2))
    with pytest.raises(UnsupportedOp, match=r"1 at .*: batch norm without running statistics") as caught:
        export_tflite(module, samples(4))
    assert caught.value.hint


def test_what_cannot_be_traced_is_told() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ModelError, match="reads the value of a tensor"):
        export_tflite(Branch(), samples(4))


def test_a_float_graph_that_is_not_the_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a lowering is wrong: here folded batch norms add a tenth too much."""
    own = Draft.shift_constant
    monkeypatch.setattr(
        Draft, "shift_constant", lambda self, tensor, axis, term: own(self, tensor, axis, lambda v: term(v) + 0.1)
    )
    with pytest.raises(ModelError, match=r"output 0 of the exported float network is \d+\.\d dB from PyTorch's on 16"):
        export_tflite(Net().eval(), samples())


class Counts(nn.Module):
    """Its outputs grow from call to call, by a number that is no tensor of it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.calls = nn.Linear(4, 2), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.fc(x) * self.calls


def test_a_module_that_keeps_something_from_call_to_call_is_refused() -> None:
    with pytest.raises(ModelError, match="output 0 is another one when forward") as caught:
        export_tflite(Counts().eval(), torch.rand(8, 4))
    assert "from call to call" in str(caught.value.hint)


class Logarithm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x)


def test_outputs_that_are_not_finite_are_no_match() -> None:
    """NaN is neither near to anything nor far from it."""
    with pytest.raises(ModelError, match="output 0 is not finite for 8 samples") as caught:
        export_tflite(Logarithm().eval(), torch.rand(8, 4) - 0.5)
    assert caught.value.hint


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


def test_a_layer_that_is_always_zero_is_exported_all_the_same() -> None:
    exported = export_tflite(DeadBranch().eval(), samples())
    assert exported.sqnr_db > 30


@pytest.mark.parametrize("scale", [1e-17, 1e-3, 1e12])
def test_the_distance_in_db_knows_no_unit(scale: float) -> None:
    wanted = np.linspace(1, 2, 100, dtype=np.float32) * np.float32(scale)
    assert sqnr_db(wanted, wanted * np.float32(1.01)) == pytest.approx(40, abs=0.01)


@pytest.mark.parametrize(
    ("wanted", "got", "db"), [((0, 0), (0, 0), 200), ((0, 0), (0, 1), -200), ((1, 2), (1, 2), 200)]
)
def test_outputs_without_noise_or_signal_have_a_finite_distance(
    wanted: tuple[int, int], got: tuple[int, int], db: float
) -> None:
    assert sqnr_db(np.array(wanted, np.float32), np.array(got, np.float32)) == db
