"""The engine on emulated boards, beside TensorFlow Lite Micro with CMSIS-NN: instructions, RAM and flash.

    python benchmarks/engine.py            # M4 at speed, balanced and size; M7, M33 and M55 at speed
    python benchmarks/engine.py --write    # and keep the output in benchmarks/engine.txt

Every run is checked byte by byte against LiteRT's reference interpreter. Needs ../shared (models, anchors), QEMU and
the cross-compiler; IC and VWW are built on the first run, into .cache/models.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from models import NAMES, load_model

from edgeprune.build.firmware import build_firmware
from edgeprune.codegen.emit import Identity, emit
from edgeprune.device.board import open_board
from edgeprune.graph.clean import clean
from edgeprune.kernels import lower
from edgeprune.kernels.base import Optimize
from edgeprune.plan import make_plan
from edgeprune.target.registry import load_target
from edgeprune.tflite.read import read_tflite

ROOT = Path(__file__).resolve().parents[1]
RUNS = (
    ("mps2-an386", Optimize.SPEED),
    ("mps2-an386", Optimize.BALANCED),
    ("mps2-an386", Optimize.SIZE),
    ("mps2-an500", Optimize.SPEED),
    ("mps2-an505", Optimize.SPEED),
    ("mps3-an547", Optimize.SPEED),
)
# ../shared/facts/anchors.md: M4, TFLM with CMSIS-NN, instructions of one inference; smallest working arena; engine.
ANCHORS = {
    "kws": (7_699_733, 22_832, 52_756),
    "ic": (29_863_146, 55_008, 50_560),
    "vww": (24_101_542, 100_720, 52_756),
    "ad": (582_864, 3_024, 27_420),
}
# Instructions of the same with CMSIS-NN's MVE kernels, on the M55.
ANCHORS_M55 = {"kws": 1_815_663, "ic": 4_911_514, "vww": 6_557_948, "ad": 149_925}


@dataclass(frozen=True)
class Figures:
    """Instructions of one inference; bytes of arena with scratch, stack of inference, code, model data, tables."""

    instructions: int
    arena_bytes: int
    stack_bytes: int
    code_bytes: int
    weight_bytes: int
    table_bytes: int


def measure(model: bytes, target_name: str, optimize: Optimize) -> Figures:
    """Builds, runs twice on random inputs, and compares with LiteRT.

    Raises:
        RuntimeError: other bytes than LiteRT's.
    """
    target = load_target(target_name)
    graph = clean(read_tflite(model))
    calls = lower(graph, target.cpu.isa, optimize)
    plan = make_plan(graph, calls)
    files = emit(graph, calls, plan, Identity("benchmark", "0" * 16, target_name, "benchmarks/engine.py", "0"))
    rng = np.random.default_rng(0)
    samples = [
        b"".join(rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8).tobytes() for i in graph.inputs)
        for _ in range(2)
    ]
    with tempfile.TemporaryDirectory() as folder:
        firmware = build_firmware(
            files, [source for call in calls for source in call.sources], target, Path(folder),
            input_bytes=len(samples[0]), optimize=optimize,
        )  # fmt: skip
        with open_board(target, firmware.elf, firmware.build_id) as console:
            for sample in samples:
                if console.infer(sample) != _litert(model, sample):
                    raise RuntimeError(f"{target_name} computes other bytes than LiteRT")
            timings, memory = console.layers(), console.memory()
        parts = firmware.size.flash_parts
    weights = sum(constant.model_bytes for call in calls for constant in call.constants)
    return Figures(
        instructions=timings.total_ticks,
        arena_bytes=plan.arena_bytes,
        stack_bytes=memory.stack_bytes,
        code_bytes=parts["kernels"] + parts["model"],
        weight_bytes=weights,
        table_bytes=sum(constant.size_bytes for call in calls for constant in call.constants) - weights,
    )


def _litert(model: bytes, sample: bytes) -> bytes:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    interpreter.set_tensor(detail["index"], np.frombuffer(sample, np.int8).reshape(detail["shape"]))
    interpreter.invoke()
    return b"".join(interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_output_details())


def report() -> list[str]:
    """The table, a line each."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    lines = [
        f"commit {commit or 'unknown'}; instructions (emulated); bytes; the same output bytes as LiteRT BUILTIN_REF",
        "in brackets: share of TFLM + CMSIS-NN on the M4 (its engine includes start-up, ours is kernels and calls);",
        "instructions on the M55 (mps3-an547) are shares of CMSIS-NN's own there",
        "",
        f"{'':5}{'board':12}{'optimize':10}{'instructions':>20}{'arena':>16}{'stack':>7}{'engine':>15}"
        f"{'weights':>10}{'tables':>9}",
    ]
    for target_name, optimize in RUNS:
        for name in NAMES:
            figures = measure(load_model(name, ROOT / ".cache" / "models"), target_name, optimize)
            instructions, arena, engine = ANCHORS[name]
            if target_name == "mps3-an547":
                instructions = ANCHORS_M55[name]
            lines.append(
                f"{name:5}{target_name:12}{optimize:10}"
                f"{_share(figures.instructions, instructions):>20}{_share(figures.arena_bytes, arena):>16}"
                f"{figures.stack_bytes:>7,}{_share(figures.code_bytes, engine):>15}"
                f"{figures.weight_bytes:>10,}{figures.table_bytes:>9,}"
            )
            print(lines[-1], flush=True)
    return lines


def _share(ours: int, theirs: int) -> str:
    return f"{ours:,} ({ours / theirs:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="The engine beside TFLM + CMSIS-NN on emulated boards.")
    parser.add_argument("--write", action="store_true", help="keep the output in benchmarks/engine.txt")
    arguments = parser.parse_args()
    lines = report()
    print("\n".join(lines))
    if arguments.write:
        (ROOT / "benchmarks" / "engine.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
