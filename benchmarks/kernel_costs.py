"""Measures what kernels cost on the emulated boards and fits `edgeprune/engine/cost/kernel_costs.json`.

    python benchmarks/kernel_costs.py [FUNCTION ... | lacking]

Layers come from the four MLPerf Tiny networks, from the bundled network at four widths, and from it with early exits;
kinds that these lack from benchmarks/layer_speed.py, benchmarks/plain_layers.py and the tests' random layers, int16
ones too, and detections over random scores. Each is profiled on the emulated board of its core, and every C function
gets a non-negative least-squares fit over its layers' relative errors.
With functions named, only these are measured anew; `int16` and `detection` name all that have it in their name.
`lacking` measures all but the networks, and keeps what the table does not have yet of a core.
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
import plain_layers
import torch
from ai_edge_litert import schema_py_generated as schema
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
from tests.firmware.numbers import test_detection
from tests.firmware.one_op import ModelBuilder
from tests.firmware.random_layers import ADD, random_model
from tests.firmware.widened import widen

BOARDS = ("mps2-an385-armv6m", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
SHARES = (1.0, 0.7, 0.45, 0.25)
EXITS, CLASSES = ("relu", "block1", "block3"), 10
GROUPS = ("int16", "detection")
LACKING = "lacking"
MOST_ERROR = 0.5
"""Of a fit that is kept: with a worse one, what a network's own layers take says more (`latency.measured_rates`)."""
WIDE_VALUES = {
    "ADD": "AddOptionsT", "SUB": "SubOptionsT", "MUL": "MulOptionsT", "MAXIMUM": "MaximumMinimumOptionsT",
    "MINIMUM": "MaximumMinimumOptionsT", "GREATER": "GreaterOptionsT", "EQUAL": "EqualOptionsT",
    "LOGISTIC": None, "TANH": None, "GELU": "GeluOptionsT", "EXP": "ExpOptionsT", "RELU": None,
    "RELU6": None, "LEAKY_RELU": "LeakyReluOptionsT", "ABS": "AbsOptionsT", "NEG": "NegOptionsT",
    "SOFTMAX": "SoftmaxOptionsT", "QUANTIZE": "QuantizeOptionsT",
}  # fmt: skip


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


def plain_models(target: Target, optimize: Optimize) -> list[CompiledModel]:
    """Layers that plain C runs."""
    options = CompileOptions(optimize, "plain", "costs")
    return [compile_model(model, target, options) for model in plain_layers.plain_models()]


def wide_models(target: Target, optimize: Optimize) -> list[CompiledModel]:
    """Layers over int16: those of the tests' that have it, with more pixels where they go value by value."""
    made = []
    for seed, kind in enumerate(("window", "pieces", "transposed", "dense", "step", "sum")):
        rng, model = np.random.default_rng(seed), ModelBuilder()
        for _ in range(30):
            before = len(model.graph.tensors), len(model.graph.operators)
            ADD[kind](model, rng)
            widen(model, *before, rng)
        made.append(model.build())
    made += [values_model(seed) for seed in range(2)]
    return [compile_model(model, target, CompileOptions(optimize, "int16", "costs")) for model in made]


def values_model(seed: int) -> bytes:
    """Operators that go over int16 tensors of many sizes value by value."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    for kind, options in WIDE_VALUES.items():
        for _ in range(4):
            shape = (1, int(rng.integers(1, 9)), int(rng.integers(1, 17)), int(rng.integers(1, 33)))
            unit = kind in ("LOGISTIC", "TANH", "SOFTMAX")
            scale = 1 / 4096 if unit else 0.001
            inputs = [b.input(shape, dtype="int16", scale=scale)]
            if kind in ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "GREATER", "EQUAL"):
                inputs.append(b.input(shape, dtype="int16", scale=scale))
            if kind in ("GREATER", "EQUAL"):
                output = b.tensor(shape, "bool")
            else:
                output = b.tensor(shape, "int8" if kind == "QUANTIZE" else "int16", scale=1 / 32768 if unit else scale)
            b.op(kind, inputs, [output], options and getattr(schema, options)())
            if kind == "SOFTMAX":
                b.graph.operators[-1].builtinOptions.beta = 1.0
            b.output(output)
    return b.build()


def detection_models(target: Target, optimize: Optimize) -> list[CompiledModel]:
    """Detections over byte boxes and scores, by either way of suppression, most of the scores above the threshold."""
    made = []
    for seed in range(4):
        rng, model = np.random.default_rng(seed), ModelBuilder()
        for turn in range(6):
            detection_network(rng, turn).add(model)
        made.append(model.build())
    return [compile_model(model, target, CompileOptions(optimize, "detection", "costs")) for model in made]


def detection_network(rng: np.random.Generator, turn: int) -> test_detection.Network:
    settings = test_detection.SETTINGS | {
        "num_classes": int(rng.integers(1, 12)), "max_detections": 10,
        "nms_score_threshold": float(rng.choice([1e-8, 0.3, 0.6])),
    }  # fmt: skip
    if turn % 2:
        settings |= {"use_regular_nms": True, "detections_per_class": 20}
    boxes, seed = int(rng.integers(30, 400)), int(rng.integers(1000))
    return test_detection.Network(boxes, settings, 1, "uint8", seed)


def is_wanted(function: str, names: set[str]) -> bool:
    return not names or function in names or any(name in GROUPS and name in function for name in names)


def main() -> None:
    only = set(sys.argv[1:])
    lacking = only == {LACKING}
    groups = only <= set(GROUPS) and bool(only)
    cores: dict[str, dict[str, dict[str, float]]] = json.loads(_COSTS.read_text())["cores"] if only else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for board in BOARDS:
            target = load_target(board)
            rows = defaultdict(list)
            there = cores.get(target.cpu.core, {})
            networks = [] if groups or lacking else [
                *models(target, Optimize.BALANCED, folder),
                *models(target, Optimize.SPEED, folder),
            ]  # fmt: skip
            layers = [] if groups else [*lone_layers(target, Optimize.SPEED), *plain_models(target, Optimize.SPEED)]

            def wanted(function: str, there: dict[str, dict[str, float]] = there) -> bool:
                return function not in there if lacking else is_wanted(function, only)

            for compiled in (
                *networks, *layers, *wide_models(target, Optimize.SPEED), *detection_models(target, Optimize.SPEED)
            ):  # fmt: skip
                if not any(wanted(call.function) for call in compiled.calls if not call.is_view):
                    continue
                try:
                    images = link_images(compiled, target, folder / "firmware")
                except Exception as error:  # too large for the smaller boards: the others still measure its kernels
                    print(f"{board}: {compiled.identity.model_id}: {error}", flush=True)
                    continue
                with running_board(images, target) as console:
                    console.load(np.random.default_rng(0).bytes(compiled.input_bytes))
                    ticks = console.layers(1).layer_ticks
                for index, measured in zip(compiled.running, ticks, strict=True):
                    call = compiled.calls[index]
                    rows[call.function].append((call.work, measured))
            fits = {function: fitted(rows[function]) for function in rows if wanted(function)}
            for function, cost in fits.items():
                if cost.error > MOST_ERROR:
                    print(f"{target.cpu.core} {function}: left out, its misfit is {cost.error}", flush=True)
            found = {function: asdict(cost) for function, cost in fits.items() if cost.error <= MOST_ERROR}
            for function, cost in sorted(found.items()):
                print(f"{target.cpu.core} {function}: {cost}", flush=True)
            cores[target.cpu.core] = dict(sorted((there | found).items()))
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
