"""How long a `.tflite` takes to become C: MobileNetV1-0.25, and networks of up to two thousand operators.

    python benchmarks/generation.py            # a minute
    python benchmarks/generation.py --write    # and keep the output in benchmarks/results/generation.txt

CPU time of one core for what `build` does before the compiler runs (`compile_named` and `sources`; Cortex-M4, speed).
Each file is compiled once: none of its weights was seen before. One small file comes first, so that imports do not
count. Chains are convolutions 8 -> 8 on 8x8 pixels; in branching ones every fourth operator adds what was three layers
before.
"""

from __future__ import annotations

import time

import numpy as np
from kept import ROOT, commit, parser, publish
from models import load_model

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_named
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.hardware.registry import load_target
from edgeprune.ir import Activation, ArithmeticAttrs, Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

COUNTS = (125, 250, 500, 1000, 2000)
OPTIONS = CompileOptions(Optimize.SPEED, "benchmark", "benchmarks/generation.py")


def chain(count: int, branching: bool, seed: int) -> bytes:
    """A `.tflite` of `count` operators, each with weights of its own."""
    rng = np.random.default_rng(seed)
    shape, qparams = (1, 8, 8, 8), QParams((0.05,), (-128,))
    tensors, ops, at = [Tensor("input", shape, DType.INT8, qparams)], [], [0]
    for index in range(count):
        if branching and index % 4 == 3:
            inputs: tuple[int, ...] = (at[-1], at[-4])
            kind, attrs = OpKind.ADD, ArithmeticAttrs(activation=Activation.RELU)
        else:
            weights = rng.integers(-127, 128, (8, 3, 3, 8)).astype(np.int8)
            scale = QParams(tuple(rng.uniform(0.005, 0.01, 8).tolist()), (0,) * 8, 0)
            bias = rng.integers(-3000, 3000, 8).astype(np.int32)
            inputs = (at[-1], len(tensors), len(tensors) + 1)
            tensors += [
                Tensor(f"w{index}", weights.shape, DType.INT8, scale, weights, is_constant=True),
                Tensor(f"b{index}", bias.shape, DType.INT32, None, bias, is_constant=True),
            ]
            kind = OpKind.CONV_2D
            attrs = Conv2dAttrs(pad=(1, 1, 1, 1), activation=Activation.RELU)
        ops.append(Op(kind, f"layer{index}", inputs, (len(tensors),), attrs))
        at.append(len(tensors))
        tensors.append(Tensor(f"t{index}", shape, DType.INT8, qparams))
    return write_tflite(Graph(tuple(tensors), tuple(ops), (0,), (at[-1],)))


def seconds(data: bytes) -> float:
    began = time.process_time()
    compile_named("network", data, load_target("cortex-m4"), OPTIONS).sources()
    return time.process_time() - began


def row(name: str, took_s: float, ops: int) -> str:
    return f"{name:22}{ops:>6}{took_s:>10.2f}{1000 * took_s / ops:>10.2f}"


def report() -> list[str]:
    """The table, a line each, printed as it grows."""
    seconds(chain(8, branching=True, seed=1))
    lines = [f"commit {commit()}; seconds of CPU time", f"{'':22}{'ops':>6}{'s':>10}{'ms an op':>10}"]
    model = load_model("vww", ROOT / ".cache" / "models")
    lines.append(row("MobileNetV1-0.25", seconds(model), len(read_tflite(model).ops)))
    for branching in (False, True):
        took_s = [seconds(chain(count, branching, seed=count)) for count in COUNTS]
        name = "branching" if branching else "chain"
        lines += [row(name, each, count) for each, count in zip(took_s, COUNTS, strict=True)]
        growth = took_s[-1] / took_s[-3]
        lines.append(f"  {COUNTS[-1] // COUNTS[-3]} times the operators take {growth:.2f} times as long")
    return lines


def main() -> None:
    given = parser("Time from .tflite to C.", __file__).parse_args()
    publish(report(), given.write)


if __name__ == "__main__":
    main()
