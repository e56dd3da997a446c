"""The Python door: objects in, a record out, the module left as it was."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

import edgeprune


def test_fit_takes_objects_and_leaves_the_module_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 16)).astype(np.float32)
    labels = (inputs.sum(axis=1) > 0).astype(np.int64)

    record = edgeprune.fit(model, {"train": (inputs, labels)}, target="cortex-m4", epochs=1, runs=tmp_path)

    assert record.fits
    assert record.verified_samples == 40  # a fifth of 200, held out
    assert (Path(record.run) / "firmware" / "firmware.bin").stat().st_size == record.flash_bytes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
