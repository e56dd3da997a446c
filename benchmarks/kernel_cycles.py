"""Cycles an instruction of every kernel on every core with timing tables: `edgeprune/engine/cost/kernel_cycles.json`.

    python benchmarks/kernel_cycles.py                    # all cores
    python benchmarks/kernel_cycles.py mps2-an386 ...     # some emulated boards; the others stay

Layers are those of benchmarks/kernel_costs.py that fit the boards. Each image runs once by the slow form, its memory
without waits; a kernel's figure is all its core cycles by all its instructions, `error` the largest misfit of a layer.
Predictions about predictions: nothing of it was measured on hardware.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from kept import ROOT
from kernel_costs import lone_layers, models

sys.path.insert(0, str(ROOT))

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.execution import executed_blocks
from edgeprune.deploy.firmware.images import link_images
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.core_cycles import CYCLES, CoreCycles
from edgeprune.engine.cost.timing.instruction import instructions
from edgeprune.engine.cost.timing.predict import predict
from edgeprune.errors import EdgePruneError
from edgeprune.files.atomic import write_text
from edgeprune.hardware.flash_timing import NO_WAITS
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target

BOARDS = ("mps2-an385-armv6m", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505")
FEWEST_INSTRUCTIONS = 500  # of a layer: calling a shorter one is half of it


def counted(compiled: CompiledModel, target: Target, folder: Path) -> list[tuple[str, int, float]]:
    """Function, instructions and core cycles of each layer; none of what is too large for the board."""
    try:
        images = link_images(compiled, target, folder)
    except EdgePruneError as error:
        print(f"{target.name}: {compiled.identity.model_id}: {error}", flush=True)
        return []
    assert images.emulated is not None
    blocks = executed_blocks(images.emulated.elf, target, NO_WAITS)
    time = predict(blocks, target.cpu.core, target.cpu.clock_hz)
    assert time is not None
    count: dict[int, int] = defaultdict(int)
    for block in blocks:
        count[block.step] += block.count * len(list(instructions(block.address, block.code)))
    return [
        (compiled.calls[index].function, count[step], time.layers[step].core)
        for step, index in enumerate(compiled.running)
    ]


def fitted(rows: list[tuple[int, float]]) -> CoreCycles:
    taken, cycles = np.array(rows, float).T
    rate = float(cycles.sum() / taken.sum())
    return CoreCycles(round(rate, 4), round(float(np.abs(rate * taken / cycles - 1).max()), 4), len(rows))


def main() -> None:
    chosen = sys.argv[1:] or BOARDS
    cores = json.loads(CYCLES.read_text())["cores"] if CYCLES.is_file() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for board in chosen:
            target = load_target(board)
            rows = defaultdict(list)
            for compiled in (
                *models(target, Optimize.BALANCED, folder),
                *models(target, Optimize.SPEED, folder),
                *lone_layers(target, Optimize.SPEED),
            ):
                for function, taken, cycles in counted(compiled, target, folder / "firmware"):
                    if taken >= FEWEST_INSTRUCTIONS:
                        rows[function].append((taken, cycles))
            cores[target.cpu.core] = {function: vars(fitted(rows[function])) for function in sorted(rows)}
            for function, kernel in cores[target.cpu.core].items():
                print(f"{target.cpu.core} {function}: {kernel}", flush=True)
            write_text(CYCLES, json.dumps({"made_by": "benchmarks/kernel_cycles.py", "cores": cores}, indent=1) + "\n")


if __name__ == "__main__":
    main()
