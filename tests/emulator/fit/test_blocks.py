"""`fit --granularity blocks` for real: a residual block that adds little goes, the image is linked, run and rebuilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import edgeprune
from edgeprune.prune.network import Network

SHAPE = (1, 8, 8)


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.conv(x)))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), Block(16), Block(16), nn.Conv2d(16, 24, 3, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


def test_a_block_goes_and_what_is_left_fits_and_can_be_rebuilt(tmp_path: Path) -> None:
    inputs, labels = load_digits(return_X_y=True)
    images = (inputs / 16).astype(np.float32).reshape(-1, *SHAPE)
    data = {"train": (images[:1200], labels[:1200]), "test": (images[1200:], labels[1200:])}
    module = net()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(torch.from_numpy(images[:1200])), torch.from_numpy(labels[:1200])).backward()
        optimizer.step()
    with torch.no_grad():
        module[3].norm.weight *= 0.01
        module[3].norm.bias *= 0.01
    record = edgeprune.fit(
        module.eval(), data, target="cortex-m4", latency="3.5ms", granularity="blocks", epochs=1, runs=tmp_path
    ).record
    assert record.fits and record.removed == ("3",)
    assert record.before.latency_us is not None and record.before.latency_us > 3500 >= (record.after.latency_us or 9e9)
    assert not any(layer.name.startswith("3.") for layer in record.layers)
    assert record.predicted.macs == record.after.macs
    assert record.drop_points < 5
    rebuilt = Network.of(net(), SHAPE).load_thinned(Path(record.run), SHAPE)
    answers = rebuilt.module(torch.from_numpy(images[1200:])).argmax(1).numpy()
    assert 100 * float((answers == labels[1200:]).mean()) == pytest.approx(record.accuracy.float, abs=1e-3)
