"""What constant channels save: MobileNetV1-0.25 with some of its channels constant, on the emulated Cortex-M4.

    python benchmarks/constant_channels.py [> benchmarks/results/constant_channels.txt]

MLPerf Tiny's trained network is known to keep 3.79 of its 7.49 M multiply-accumulates once channels that are constant
for every input are folded away. That file is not at hand, so channels of the network of `models.py` (random weights)
are made constant at random, by a small factor and a negative shift of their batch norm, until about as much is left.
Every output byte is compared with LiteRT's reference interpreter running the network as it is.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from models import mobilenet_v1
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.deploy.replay import byte_rows
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs

SAMPLES = 20
SHARES = (0.0, 0.15, 0.30)  # of the channels


def with_constant_channels(share: float) -> bytes:
    network, samples = mobilenet_v1()
    generator = torch.Generator().manual_seed(0)
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms[::2]:  # those behind pointwise convolutions and the first one
        constant = torch.rand(norm.num_features, generator=generator) < share
        norm.weight.data[constant] = 1e-3
        norm.bias.data[constant] = -1.0
    return export_tflite(network.eval(), samples).data


def main() -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip()}, mps2-an386 (emulated), for speed, {SAMPLES} inputs each: LiteRT's bytes")
    print(f"{'constant':>8} {'MACs':>10} {'instructions':>13} {'arena B':>8} {'flash B':>8}")
    target = load_target("mps2-an386")
    for share in SHARES:
        model = with_constant_channels(share)
        compiled = compile_model(model, target, CompileOptions(Optimize.SPEED, "vww", "constant_channels.py"))
        inputs = np.random.default_rng(0).integers(-128, 128, (SAMPLES, 96, 96, 3), np.int8)
        expected = int8_outputs(model, inputs, Kernels.REFERENCE)
        with tempfile.TemporaryDirectory() as folder:
            images = link_images(compiled, target, Path(folder))
            with running_board(images, target) as board:
                run = run_samples(board, byte_rows(inputs), byte_rows(expected), lambda: None)
        macs = sum(call.work.macs for call in compiled.calls)
        print(
            f"{share:>8.0%} {macs:>10,} {run.timings.total_ticks:>13,} {compiled.plan.arena_bytes:>8,} "
            f"{images.judged.size.flash_bytes:>8,}",
            flush=True,
        )


if __name__ == "__main__":
    main()
