"""Four networks on the emulated Cortex-M4: 100 inputs each, every output byte compared with LiteRT's reference.

    python benchmarks/board_bytes.py > benchmarks/results/board_bytes.txt

Inputs are the labelled keyword samples for KWS and random bytes (seed 0) for the others. A differing byte ends the
script with an error. RAM as planned and linked (arena, data) stands beside what the board shows, with its stack.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from models import NAMES, SHARED, load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.measure import run_samples
from edgeprune.deploy.replay import byte_rows
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.hardware.registry import load_target
from edgeprune.quantize.host import Kernels, int8_outputs

SAMPLES = 100
TARGET = "mps2-an386"


def inputs_for(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """(SAMPLES, ...) int8."""
    if name == "kws":
        with np.load(SHARED / "data" / "mlperf-tiny" / "kws01_samples.npz") as kept:
            key = next(key for key in kept if kept[key].dtype == np.int8 and kept[key].ndim > 1)
            return kept[key][:SAMPLES].reshape(SAMPLES, *shape)
    return np.random.default_rng(0).integers(-128, 128, (SAMPLES, *shape), np.int8)


def main() -> None:
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip()}, {TARGET} (emulated), kernels for speed")
    heads = ("net", "samples", "instructions", "arena B", "on board", "data B", "on board", "stack B")
    print("{:>4} {:>8} {:>13} {:>9} {:>9} {:>7} {:>9} {:>8}".format(*heads))
    target = load_target(TARGET)
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            model = load_model(name, Path(folder))
            compiled = compile_model(model, target, CompileOptions(Optimize.SPEED, name, "board_bytes.py"))
            images = link_images(compiled, target, Path(folder) / "firmware")
            shape = compiled.graph.tensors[compiled.graph.inputs[0]].shape[1:]
            inputs = inputs_for(name, shape)
            expected = int8_outputs(model, inputs, Kernels.REFERENCE)
            with running_board(images, target) as board:
                run = run_samples(board, byte_rows(inputs), byte_rows(expected), lambda: None)
            linked = images.judged.size.ram_parts
            print(
                f"{name:>4} {len(run.outputs):>8} {run.timings.total_ticks:>13,} {compiled.plan.arena_bytes:>9,} "
                f"{run.memory.arena_bytes:>9,} {linked['data']:>7,} {run.memory.data_bytes:>9,} "
                f"{run.memory.stack_all_bytes:>8,}",
                flush=True,
            )


if __name__ == "__main__":
    main()
