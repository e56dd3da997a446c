"""Channels concatenated by placement beside copying them: a small SqueezeNet on emulated boards.

    python benchmarks/side_by_side.py [> benchmarks/results/side_by_side.txt]

Four fire modules (Iandola et al. 2016, arXiv:1602.07360) on 32x32 colour images, random weights. In both ways every
output byte is compared with LiteRT's reference interpreter.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.deploy.replay import byte_rows
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs

BOARDS = ("mps2-an386", "mps3-an547", "mps2-an385", "mps2-an385-armv6m")  # M4, M55, M3, M0
SAMPLES = 10


class Fire(nn.Module):
    def __init__(self, in_c: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = nn.Conv2d(in_c, squeezed, 1)
        self.narrow = nn.Conv2d(squeezed, expanded, 1)
        self.wide = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        squeezed = torch.relu(self.squeeze(image))
        return torch.cat([torch.relu(self.narrow(squeezed)), torch.relu(self.wide(squeezed))], 1)


def squeezenet() -> bytes:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        Fire(16, 8, 32), Fire(64, 8, 32), nn.MaxPool2d(2), Fire(64, 16, 48), Fire(96, 16, 48),
        nn.Conv2d(96, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    return export_tflite(network.eval(), torch.rand(16, 3, 32, 32)).data


def copying(compiled: CompiledModel, target: Target) -> CompiledModel:
    calls = lower(compiled.graph, target.cpu.isa, compiled.options.optimize)
    return replace(compiled, calls=calls, plan=make_plan(compiled.graph, calls))


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip()}, emulated, {SAMPLES} inputs each: LiteRT's bytes")
    print(f"{'':27}{'':8}{'instructions':>13} {'arena B':>8} {'flash B':>8}")
    model = squeezenet()
    inputs = np.random.default_rng(0).integers(-128, 128, (SAMPLES, 32, 32, 3), np.int8)
    expected = int8_outputs(model, inputs, Kernels.REFERENCE)
    for board in BOARDS:
        target = load_target(board)
        for optimize in (Optimize.SPEED, Optimize.BALANCED):
            placed = compile_model(model, target, CompileOptions(optimize, "fire", "side_by_side.py"))
            for way, compiled in (("copied", copying(placed, target)), ("placed", placed)):
                with tempfile.TemporaryDirectory() as folder:
                    images = link_images(compiled, target, Path(folder))
                    with running_board(images, target) as console:
                        run = run_samples(console, byte_rows(inputs), byte_rows(expected), lambda: None)
                print(
                    f"{board:18}{optimize:9}{way:8}{run.timings.total_ticks:>13,} {compiled.plan.arena_bytes:>8,} "
                    f"{images.judged.size.flash_bytes:>8,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
