"""Quantization-aware training in a fit, on a network whose channels differ so in size that int8 forgets some."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import edgeprune

Split = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def digits() -> dict[str, Split]:
    inputs, labels = load_digits(return_X_y=True)
    inputs = (inputs / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    return {"train": (inputs[:1200], labels[:1200]), "test": (inputs[1200:], labels[1200:])}


@pytest.fixture(scope="module")
def uneven(digits: dict[str, Split]) -> nn.Sequential:
    """A trained network, then each channel scaled by up to 2^5 and what reads it by the inverse: the same function."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 24, 3, 2, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Conv2d(24, 24, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip
    inputs, labels = (torch.from_numpy(array) for array in digits["train"])
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    for norm, reader in ((net[1], net[3]), (net[4], net[6])):
        factor = 2 ** (torch.rand(norm.num_features) * 10 - 5)
        with torch.no_grad():
            norm.weight *= factor
            norm.bias *= factor
            reader.weight /= factor[:, None, None]
    return net.eval()


@pytest.fixture(autouse=True)
def plain_quantization(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minimum to maximum, nothing equalized, as networks with masks are: what is left to training where that is all."""
    monkeypatch.setattr("edgeprune.quantize.post_training._holds_masks", lambda _graph: True)


def test_a_network_that_int8_ruins_is_trained_on_the_grid(
    uneven: nn.Sequential, digits: dict[str, Split], tmp_path: Path
) -> None:
    record = edgeprune.fit(uneven, digits, target="cortex-m4", epochs=8, runs=tmp_path).record
    tried = record.quantization_aware
    assert tried is not None and tried.kept and tried.epochs == 8
    assert tried.after > tried.before + 5
    assert record.widths == record.widths_before  # it fitted: nothing was thinned
    assert record.accuracy.device == pytest.approx(record.accuracy.int8, abs=10)  # 100 samples of 597


def test_without_an_epoch_left_it_is_only_reported(
    uneven: nn.Sequential, digits: dict[str, Split], tmp_path: Path
) -> None:
    record = edgeprune.fit(uneven, digits, target="cortex-m4", epochs=0, runs=tmp_path).record
    assert record.quantization_aware is None
    assert record.accuracy.int8 < record.accuracy.float - 0.5
