"""The engine on emulated boards, beside TensorFlow Lite Micro with CMSIS-NN: instructions, RAM and flash.

    python benchmarks/engine.py            # every core at speed; the M4 at balanced, size and --ram-first too
    python benchmarks/engine.py --write    # and keep the output in benchmarks/results/engine.txt
    python benchmarks/engine.py --only kws # one model

Every run is checked byte by byte against LiteRT's reference interpreter. Below the table stands what was promised, and
whether it holds. Needs ../shared (models, anchors), QEMU and the cross-compiler; IC and VWW are built on the first run,
into .cache/models.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kept import ROOT, commit, parser, publish
from models import NAMES, load_model

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.registry import load_target

BOARDS = {
    "M4": "mps2-an386", "M7": "mps2-an500", "M33": "mps2-an505", "M55": "mps3-an547",
    "M3": "mps2-an385", "M0": "mps2-an385-armv6m",
}  # fmt: skip
RUNS = (
    ("M4", "speed"), ("M4", "balanced"), ("M4", "size"), ("M4", "ram-first"),
    ("M7", "speed"), ("M33", "speed"), ("M55", "speed"), ("M3", "speed"), ("M0", "speed"),
)  # fmt: skip
# ../shared/facts/anchors.md: TFLM with CMSIS-NN, instructions of one inference; M7 and M33 are held to the M4's.
INSTRUCTIONS = {
    "M4": {"kws": 7_699_733, "ic": 29_863_146, "vww": 24_101_542, "ad": 582_864},
    "M55": {"kws": 1_815_663, "ic": 4_911_514, "vww": 6_557_948, "ad": 149_925},
    "M3": {"kws": 10_534_478, "ic": 41_847_280, "vww": 31_958_740, "ad": 955_900},
    "M0": {"kws": 29_004_014, "ic": 97_557_344, "vww": 86_903_543, "ad": 1_762_910},
}
# The smallest working arena and the engine's flash, on the M4.
ARENA_BYTES = {"kws": 22_832, "ic": 55_008, "vww": 100_720, "ad": 3_024}
ENGINE_BYTES = {"kws": 52_756, "ic": 50_560, "vww": 52_756, "ad": 27_420}

PROMISED_M4 = {"kws": 2_500_000, "ic": 7_000_000, "vww": 7_500_000, "ad": 260_000}
PROMISED_ARENA_BYTES = {"kws": 10_500, "ic": 36_500, "vww": 41_500, "ad": 2_560}
PROMISED_RAM_FIRST_BYTES = {"kws": 7_000, "ic": 20_000, "vww": 32_000}
PROMISED_SHARE = {"M55": 0.8, "M3": 0.5, "M0": 0.4}
PROMISED_BALANCED_IC = 12_000_000
PROMISED_ENGINE_BYTES = {"speed": 16 * 1024, "size": 8 * 1024}
PROMISED_WEIGHTS_SHARE = 1.05


@dataclass(frozen=True)
class Figures:
    """Instructions of one inference; bytes of arena with scratch, stack of inference, code, model data, tables.

    plain: instructions of layers with weights that run on plain kernels (`ref`), and have faster ones on some core.
    """

    instructions: int
    arena_bytes: int
    stack_bytes: int
    code_bytes: int
    weight_bytes: int
    table_bytes: int
    plain: int


Measured = Mapping[tuple[str, str, str], Figures]


def measure(model: bytes, core: str, way: str) -> Figures:
    """Builds, runs twice on random inputs, and compares with LiteRT.

    Raises:
        RuntimeError: other bytes than LiteRT's.
    """
    target = load_target(BOARDS[core])
    is_ram_first = way == "ram-first"
    compiled = compile_model(
        model, target,
        CompileOptions(
            Optimize.BALANCED if is_ram_first else Optimize(way), "benchmark", "benchmarks/engine.py",
            ram_first=is_ram_first,
        ),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    samples = [rng.integers(-128, 128, compiled.input_bytes).astype(np.int8).tobytes() for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        images = link_images(compiled, target, Path(folder))
        with running_board(images, target) as console:
            for sample in samples:
                if console.infer(sample) != _litert(model, sample):
                    raise RuntimeError(f"{target.name} computes other bytes than LiteRT")
            timings, memory = console.layers(), console.memory()
        parts = images.judged.size.flash_parts
    constants = [constant for call in compiled.calls for constant in call.constants]
    weights = sum(constant.model_bytes for constant in constants)
    return Figures(
        instructions=timings.total_ticks,
        arena_bytes=compiled.plan.arena_bytes,
        stack_bytes=memory.stack_bytes,
        code_bytes=parts["kernels"] + parts["model"],
        weight_bytes=weights,
        table_bytes=sum(constant.size_bytes for constant in constants) - weights,
        plain=sum(
            ticks
            for index, ticks in zip(compiled.running, timings.layer_ticks, strict=True)
            if compiled.calls[index].work.macs and compiled.calls[index].function.endswith("_ref")
        ),
    )


def weights_and_biases_bytes(model: bytes) -> int:
    """What the stripped flatbuffer keeps of them."""
    graph = clean(read_tflite(model))
    constants = {index for op in graph.ops if op.traits.has_weights for index in op.inputs[1:] if index >= 0}
    return sum(graph.tensors[index].size_bytes for index in constants)


def _litert(model: bytes, sample: bytes) -> bytes:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    interpreter.set_tensor(detail["index"], np.frombuffer(sample, np.int8).reshape(detail["shape"]))
    interpreter.invoke()
    return b"".join(interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_output_details())


def row(name: str, core: str, way: str, figures: Figures) -> str:
    anchor = INSTRUCTIONS.get(core, INSTRUCTIONS["M4"])[name]
    return (
        f"{name:5}{core:5}{way:10}{_share(figures.instructions, anchor):>19}"
        f"{_share(figures.arena_bytes, ARENA_BYTES[name]):>15}{figures.stack_bytes:>7,}"
        f"{_share(figures.code_bytes, ENGINE_BYTES[name]):>15}{figures.weight_bytes:>9,}{figures.table_bytes:>8,}"
        f"{figures.plain / figures.instructions:>8.1%}"
    )


def _share(ours: int, theirs: int) -> str:
    return f"{ours:,} ({ours / theirs:.2f})"


def promises(measured: Measured, weights: Mapping[str, int]) -> list[str]:
    """A line for each promised bound that was measured."""
    lines: list[str] = []

    def check(name: str, core: str, way: str, what: str, most: float, of: str = "instructions") -> None:
        figures = measured.get((name, core, way))
        if figures is not None:
            value = getattr(figures, of)
            verdict = "holds" if value <= most else f"MISSES by {100 * (value / most - 1):.1f} %"
            lines.append(f"{name:5}{core:5}{way:10}{what:31}{value:>12,} <={most:>13,.0f}  {verdict}")

    for name in sorted({name for name, _, _ in measured}, key=NAMES.index):
        check(name, "M4", "speed", "instructions", PROMISED_M4[name])
        check(name, "M4", "speed", "arena with scratch", PROMISED_ARENA_BYTES[name], "arena_bytes")
        if name in PROMISED_RAM_FIRST_BYTES:
            check(name, "M4", "ram-first", "arena with scratch", PROMISED_RAM_FIRST_BYTES[name], "arena_bytes")
        for way in ("balanced", "size"):
            bound = PROMISED_WEIGHTS_SHARE * weights[name]
            check(name, "M4", way, "model data (stripped + 5 %)", bound, "weight_bytes")
        for core in ("M7", "M33"):
            check(name, core, "speed", "instructions (the M4's count)", measured[name, "M4", "speed"].instructions)
        for core, share in PROMISED_SHARE.items():
            check(name, core, "speed", f"instructions ({share} of CMSIS-NN)", share * INSTRUCTIONS[core][name])
    check("ic", "M4", "balanced", "instructions", PROMISED_BALANCED_IC)
    for way, most in PROMISED_ENGINE_BYTES.items():
        check("kws", "M4", way, "engine flash", most, "code_bytes")
    return lines


def report(names: tuple[str, ...]) -> list[str]:
    """The tables, a line each."""
    lines = [
        f"commit {commit()}; instructions (emulated); bytes; the same output bytes as LiteRT BUILTIN_REF",
        "in brackets: share of TFLM + CMSIS-NN, instructions on the same core (M7, M33: the M4's), arena and engine on",
        "the M4 (its engine includes start-up, ours is kernels and calls); plain: share of instructions in layers with",
        "weights that run on plain kernels",
        "",
        f"{'':20}{'instructions':>19}{'arena':>15}{'stack':>7}{'engine':>15}{'weights':>9}{'tables':>8}{'plain':>8}",
    ]
    measured: dict[tuple[str, str, str], Figures] = {}
    models = {name: load_model(name, ROOT / ".cache" / "models") for name in names}
    for core, way in RUNS:
        for name, model in models.items():
            measured[name, core, way] = measure(model, core, way)
            lines.append(row(name, core, way, measured[name, core, way]))
            print(lines[-1], flush=True)
    weights = {name: weights_and_biases_bytes(model) for name, model in models.items()}
    return [*lines, "", *promises(measured, dict.fromkeys(NAMES, 0) | weights)]


def main() -> None:
    options = parser("The engine beside TFLM + CMSIS-NN on emulated boards.", __file__)
    options.add_argument("--only", choices=NAMES, help="one model")
    given = options.parse_args()
    publish(report((given.only,) if given.only else NAMES), given.write)


if __name__ == "__main__":
    main()
