"""A small network as an int8 file and as a program, shared by the tests of programs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs
from edgeprune.toolchain.firmware import FirmwareSources

SHAPE = (1, 8, 8)


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(),
        nn.Conv2d(8, 12, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4),
    ).eval()  # fmt: skip


@dataclass(frozen=True, eq=False)
class Small:
    tflite: bytes
    model: CompiledModel

    @property
    def sources(self) -> FirmwareSources:
        return FirmwareSources(self.model.sources(), self.model.kernel_sources, self.model.input_bytes)

    def samples(self, count: int) -> np.ndarray:
        return np.random.default_rng(5).integers(-128, 128, (count, 8, 8, 1), np.int8)

    def expected(self, samples: np.ndarray) -> np.ndarray:
        """(N, 4) int8, by LiteRT's reference."""
        return int8_outputs(self.tflite, samples, Kernels.REFERENCE)


@cache
def small() -> Small:
    samples = torch.rand(64, *SHAPE, generator=torch.Generator().manual_seed(1))
    tflite = export_tflite(small_net(), samples).data
    return Small(tflite, compile_model(tflite, pi(), CompileOptions(Optimize.BALANCED, "small")))


def pi() -> Target:
    return load_target("raspberry-pi-4b")


def computer() -> Target:
    """A device that this machine can be: Linux on its own processor."""
    target = pi()
    assert target.hosted is not None
    hosted = target.hosted.model_copy(update={"architecture": Architecture.X86_64, "features": ()})
    return target.model_copy(update={"name": "computer", "hosted": hosted})
