from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.export.tflite import channels_last as channels_last_of
from edgeprune.export.tflite import float_graph, sqnr_db
from edgeprune.model.trace import trace
from edgeprune.quantize.host import dequantized_outputs
from edgeprune.quantize.observe import observe
from edgeprune.quantize.quantized import quantized
from edgeprune.quantize.ranges import min_max
from edgeprune.quantize.runners import FloatRunner
from edgeprune.train.evaluate import evaluate, outputs_of
from edgeprune.train.evaluate_int8 import channels_last
from edgeprune.train.fake_quantized import FakeQuantized
from edgeprune.train.finetune import finetune
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import Splits, make_splits
from edgeprune.train.training_state import TrainSettings
from tests.pictures import bright_quarters

CLASSIFY = Objective("cross_entropy", nn.functional.cross_entropy, METRICS["accuracy"])
SETTINGS = TrainSettings(epochs=4, batch=32, augment="crop")


class Net(nn.Module):
    """A residual and a batch norm: what int8 stores is not what each module gives."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.bn = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn(self.stem(x)))
        x = torch.relu(x + self.bn2(self.conv(x)))
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 3).flatten(1))


@pytest.fixture(scope="module")
def splits() -> Splits:
    torch.set_num_threads(1)
    return bright_quarters(600, noise=120, spot=2, brightness=200)


@pytest.fixture(scope="module")
def trained(splits: Splits) -> Net:
    torch.manual_seed(0)
    module = Net()
    finetune(module, splits, CLASSIFY, replace(SETTINGS, epochs=6))
    assert evaluate(module, splits.test, CLASSIFY.metric) > 90
    return module


def copy_of(module: Net) -> Net:
    copied = Net()
    copied.load_state_dict(module.state_dict())
    return copied.eval()


def plainly_quantized(module: Net, splits: Splits) -> bytes:
    """The int8 file with ranges from minimum to maximum and everything rounded to nearest."""
    samples = splits.calibration.tensor()
    graph = float_graph(trace(module, (1, *samples.shape[1:])), module)
    observed = observe(FloatRunner(graph), channels_last_of(samples), 0.5).observation
    return write_tflite(expressible(clean(quantized(graph, min_max(observed.activations)))))


def test_it_rounds_where_the_int8_file_does(trained: Net, splits: Splits) -> None:
    """Its output is nearer to the int8 file than the float network is: by 2 to 5 dB, depending on the weights."""
    module = copy_of(trained)
    data = plainly_quantized(module, splits)
    (on_device,) = dequantized_outputs(data, channels_last(splits.test))
    float_db = sqnr_db(outputs_of(module, splits.test).numpy(), on_device)
    fake_db = sqnr_db(outputs_of(FakeQuantized(module, splits.calibration), splits.test).numpy(), on_device)
    assert fake_db > float_db + 1


def test_training_brings_back_what_coarse_weights_cost() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(600, 6)
    splits = make_splits({"train": (inputs, torch.sin(inputs[:, :3]).sum(1, keepdim=True))}, (6,))
    module = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    regress = Objective("mse", nn.functional.mse_loss, METRICS["r2"])
    settings = TrainSettings(epochs=25, batch=32, lr=0.02)
    finetune(module, splits, regress, settings)
    coarse = FakeQuantized(module, splits.calibration, weight_bits=3)
    before = evaluate(coarse, splits.test, regress.metric)
    finetune(coarse, splits, regress, settings)
    after = evaluate(coarse, splits.test, regress.metric)
    assert before < 95 and 100 - after < 0.7 * (100 - before)


def test_the_network_inside_stays_float(trained: Net, splits: Splits) -> None:
    module = copy_of(trained)
    wrapped = FakeQuantized(module, splits.calibration)
    assert torch.equal(outputs_of(module, splits.test), outputs_of(trained, splits.test))
    assert len(torch.unique(outputs_of(wrapped, splits.test))) <= 256
