"""A network exported as int16x8, on an emulated M4: LiteRT's bytes, int16 ends, real values in and out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.tflite import export_tflite, torch_outputs
from edgeprune.quantize.weights import Bits
from tests.command_line import run_edgeprune

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
TARGET = ("--target", "mps2-an386", "--json")


class Mask(nn.Module):
    """What a denoiser of spectra is made of: strided and causal convolutions, their inverse, a skip, a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(1, 8, (3, 3), stride=(1, 2), padding=(2, 1))
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.dense = nn.Linear(8, 8)
        self.outer = nn.ConvTranspose2d(8, 2, (1, 4), stride=(1, 2), padding=(0, 1))
        self.leaky = nn.LeakyReLU(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.leaky(self.inner(x))[:, :, :-2]
        mixed = torch.tanh(self.dense(self.depthwise(inner).permute(0, 2, 3, 1))).permute(0, 3, 1, 2) + inner
        outer: torch.Tensor = self.outer(mixed)
        return torch.sigmoid(outer) * x


def edgeprune(*arguments: str) -> Any:
    done = run_edgeprune(*arguments, *TARGET, cwd=Path())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_exported_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, inputs = Mask().eval(), torch.randn(24, 1, 6, 16)
    model, samples = tmp_path / "mask.tflite", tmp_path / "samples.npz"
    model.write_bytes(export_tflite(module, inputs, Bits(activations=16)).stripped)
    np.savez(samples, x=inputs[:4].permute(0, 2, 3, 1).numpy())
    assert edgeprune("verify", str(model), "--samples", "20")["verified_samples"] == 20
    (wanted,) = torch_outputs(module, inputs[:4])
    found = np.array(edgeprune("run", str(model), "--samples", "4", "--data", str(samples))["outputs"])
    real = np.moveaxis(wanted, 1, -1).reshape(4, -1)
    np.testing.assert_allclose(found.reshape(4, -1), real, atol=0.01)
    layers = edgeprune("profile", str(model))["layers"]
    a_mac = {layer["operator"]: layer["instructions"] / layer["macs"] for layer in layers if layer["macs"]}
    assert max(a_mac.values()) < 12  # plain C: 8 to 50
