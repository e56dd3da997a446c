from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import export_tflite, sqnr_db
from edgeprune.quantize.host import channels_last, dequantized_outputs
from edgeprune.quantize.qat import FakeQuantized
from edgeprune.train.evaluate import evaluate, outputs_of
from edgeprune.train.finetune import TrainSettings, finetune
from edgeprune.train.objective import METRICS, Objective
from edgeprune.train.splits import Splits, make_splits

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
    """Four classes: in which quarter of the image the bright spot is."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(600) % 4
    pictures = torch.randint(0, 120, (600, 1, 12, 12), generator=generator, dtype=torch.uint8)
    for index, label in enumerate(labels.tolist()):
        row, column = 6 * (label // 2) + 2, 6 * (label % 2) + 2
        pictures[index, 0, row : row + 2, column : column + 2] = 200
    return make_splits({"train": (pictures, labels)}, (1, 12, 12))


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


def test_it_rounds_where_the_int8_file_does(trained: Net, splits: Splits) -> None:
    """What it says is nearer to the int8 file than the float network is: by 2 to 5 dB, depending on the weights."""
    module = copy_of(trained)
    data = export_tflite(module, splits.calibration.tensor()).data
    (on_device,) = dequantized_outputs(data, channels_last(splits.test))
    float_db = sqnr_db(outputs_of(module, splits.test).numpy(), on_device)
    fake_db = sqnr_db(outputs_of(FakeQuantized(module, splits.calibration), splits.test).numpy(), on_device)
    assert fake_db > float_db + 1


def test_training_brings_back_what_coarse_weights_cost() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(600, 6)
    splits = make_splits({"train": (inputs, torch.sin(inputs[:, :3]).sum(1))}, (6,))
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
