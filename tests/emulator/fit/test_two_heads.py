"""A detector as people write it: a dict of two outputs, a loss and a metric of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgeprune.cli.main import main

MODEL = """
import torch
from torch import nn
from torch.nn import functional


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, 1), nn.ReLU())
        self.which, self.where = nn.Linear(16 * 9, 3), nn.Linear(16 * 9, 2)

    def forward(self, image):
        seen = self.body(image).flatten(1)
        return {"which": self.which(seen), "where": self.where(seen)}


def loss(outputs, targets):
    where = functional.mse_loss(outputs["where"], targets[:, 1:])
    return functional.cross_entropy(outputs["which"], targets[:, 0].long()) + where


def metric(outputs, targets):
    return 100 * (outputs["which"].argmax(1) == targets[:, 0]).float().mean()
"""
DATA = """
import numpy as np
import pytest


def load():
    rng = np.random.default_rng(0)
    which, where = rng.integers(0, 3, 300), rng.integers(3, 9, (300, 2))
    images = rng.normal(0, 0.1, (300, 1, 12, 12)).astype(np.float32)
    for image, kind, (row, column) in zip(images, which, where):
        image[0, row - 2 : row + 2, column - 2 : column + 2] += kind
    return {"train": (images, np.column_stack([which, where / 12]).astype(np.float32))}
"""
PROJECT = """
[model]
entry = "model.py:Detector"
input = [1, 12, 12]
[data]
entry = "data.py:load"
[task]
loss = "model.py:loss"
metric = "model.py:metric"
[limits]
target = "cortex-m4"
flash = "13KiB"
[training]
epochs = 30
batch = 32
"""


def test_two_heads_are_thinned_proved_and_scored_by_a_metric_over_both(tmp_path: Path) -> None:
    for name, text in (("model.py", MODEL), ("data.py", DATA), ("edgeprune.toml", PROJECT)):
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--project", str(tmp_path), "--runs", str(tmp_path / "runs"), "--samples", "20"])
    (run,) = (tmp_path / "runs").glob("*-cortex-m4")
    record = json.loads((run / "run.json").read_text())
    assert not ended.value.code and record["fits"] and record["widths"] != record["widths_before"]
    accuracy = record["accuracy"]
    assert accuracy["int8"] > 60 and accuracy["device_samples"] == 20
    assert np.load(run / "samples.npz")["expected"].shape == (20, 5), "both outputs' bytes"
