"""Measures what kernels cost on the emulated boards and fits `edgeprune/engine/cost/kernel_costs.json`.

    python benchmarks/kernel_costs.py [FUNCTION ...]

Layers come from the four MLPerf Tiny networks, from the bundled network at four widths, and from it with early exits;
kinds that these lack from benchmarks/layer_speed.py and the tests' random layers. Each is profiled on the emulated
board of its core, and every C function gets a non-negative least-squares fit over its layers' relative errors.
With functions named, only these are measured anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import layer_speed
import numpy as np
import torch
from kept import ROOT
from models import NAMES, SHARED, load_model
from scipy.optimize import nnls

sys.path.insert(0, str(ROOT))

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.predicted import compile_synthetic
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.engine.cost.latency import _COSTS, KernelCost
from edgeprune.engine.kernels.base import Work
from edgeprune.files.atomic import write_text
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.model.exits import WithExit, exit_places
from edgeprune.model.load import project_module
from edgeprune.project.file import default_project
from edgeprune.prune.network import Network
from tests.firmware.random_layers import random_model

BOARDS = ("mps2-an385-armv6m", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
SHARES = (1.0, 0.7, 0.45, 0.25)
EXITS, CLASSES = ("relu", "block1", "block3"), 10


def models(target: Target, optimize: Optimize, folder: Path) -> list[CompiledModel]:
    found = []
    if SHARED.is_dir():
        found = [
            compile_model(load_model(name, folder), target, CompileOptions(optimize, name, "costs")) for name in NAMES
        ]
    project = default_project()
    module = project_module(project)
    network = Network.of(module, project.model.input)
    for share in SHARES:
        widths = {name: max(1, round(share * width)) for name, width in network.widths.items()}
        found.append(compile_synthetic(network, target, CompileOptions(optimize), widths))
        for place in exit_places(module, torch.zeros(1, *project.model.input)):
            if place.after in EXITS:
                head = place.head(place.shape[0] * place.cells[0] * place.cells[1], CLASSES)
                leaving = Network.of(WithExit(module, place.after, head), project.model.input)
                found.append(compile_synthetic(leaving, target, CompileOptions(optimize), widths))
    return found


def lone_layers(target: Target, optimize: Optimize) -> list[CompiledModel]:
    """Windows, groups, dilation and transposed convolutions side by side."""
    options = CompileOptions(optimize, "layers", "costs")
    random = [random_model(kind, 30, seed) for seed, kind in enumerate(("window", "pieces", "transposed", "step"))]
    return [compile_model(model, target, options) for model in (layer_speed.model(), *random)]


def main() -> None:
    only = set(sys.argv[1:])
    cores: dict[str, dict[str, dict[str, float]]] = json.loads(_COSTS.read_text())["cores"] if only else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for board in BOARDS:
            target = load_target(board)
            rows = defaultdict(list)
            for compiled in (
                *models(target, Optimize.BALANCED, folder),
                *models(target, Optimize.SPEED, folder),
                *lone_layers(target, Optimize.SPEED),
            ):
                if only and only.isdisjoint(call.function for call in compiled.calls):
                    continue
                try:
                    images = link_images(compiled, target, folder / "firmware")
                except Exception as error:  # too large for the smaller boards: the others still measure its kernels
                    print(f"{board}: {compiled.identity.model_id}: {error}", flush=True)
                    continue
                with running_board(images, target) as console:
                    console.load(bytes(compiled.input_bytes))
                    ticks = console.layers(1).layer_ticks
                for index, measured in zip(compiled.running, ticks, strict=True):
                    call = compiled.calls[index]
                    rows[call.function].append((call.work, measured))
            found = {function: asdict(fitted(rows[function])) for function in rows if not only or function in only}
            for function, cost in sorted(found.items()):
                print(f"{target.cpu.core} {function}: {cost}", flush=True)
            cores[target.cpu.core] = dict(sorted((cores.get(target.cpu.core, {}) | found).items()))
    write_text(_COSTS, json.dumps({"made_by": "benchmarks/kernel_costs.py", "cores": cores}, indent=1) + "\n")


def fitted(rows: list[tuple[Work, int]]) -> KernelCost:
    names = sorted({name for work, _ in rows for name in work.features})
    columns = [(w.macs, w.outputs, 1, *(w.features.get(name, 0) for name in names)) for w, _ in rows]
    features, ticks = np.array(columns, float), np.array([measured for _, measured in rows], float)
    coefficients, _ = nnls(features / ticks[:, None], np.ones(len(ticks)))
    per_mac, per_output, per_call, *rest = (round(float(c), 4) for c in coefficients)
    error = round(float(np.abs(features @ coefficients / ticks - 1).max()), 4)
    per_feature = {name: cost for name, cost in zip(names, rest, strict=True) if cost}
    return KernelCost(per_mac, per_output, per_call, error, len(rows), per_feature)


if __name__ == "__main__":
    main()
