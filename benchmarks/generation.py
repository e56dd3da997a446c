"""How long a `.tflite` takes to become C: MobileNetV1-0.25, and networks of up to a thousand operators.

    python benchmarks/generation.py            # a minute
    python benchmarks/generation.py --write    # and keep the output in benchmarks/results/generation.txt

CPU time of one core, the best of three in one warm process: reading, clean-up with constant channels, kernels
(Cortex-M4, speed), the arena's plan and its check, and the C text. Chains are convolutions 8 -> 8 on 8x8 pixels; in
branching ones every fourth operator adds what was three layers before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from kept import ROOT, commit, parser, publish
from models import load_model

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.order import least_memory_order
from edgeprune.engine.kernels import lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, ArithmeticAttrs, Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

COUNTS = (62, 125, 250, 500, 1000)
STAGES = ("read", "clean", "order", "lower", "plan", "emit")
IDENTITY = Identity("benchmark", "0" * 16, "cortex-m4", "benchmarks/generation.py", "0")


def chain(count: int, branching: bool) -> Graph:
    """`count` operators, each with weights of its own."""
    rng = np.random.default_rng(0)
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
    return Graph(tuple(tensors), tuple(ops), (0,), (at[-1],))


def stage_times_s(make: Callable[[], Graph]) -> dict[str, float]:
    """Seconds by stage, of the quickest of three runs."""
    runs = []
    for _ in range(3):
        marks = [time.process_time()]
        graph = make()
        marks.append(time.process_time())
        graph = without_constant_channels(clean(graph))
        marks.append(time.process_time())
        graph = least_memory_order(graph)
        marks.append(time.process_time())
        calls = lower(graph, Isa.DSP, Optimize.SPEED)
        marks.append(time.process_time())
        plan = make_plan(graph, calls)
        marks.append(time.process_time())
        emit(graph, calls, plan, IDENTITY)
        marks.append(time.process_time())
        runs.append(dict(zip(STAGES, np.diff(marks).tolist(), strict=True)))
    return min(runs, key=lambda run: sum(run.values()))


def row(name: str, times: dict[str, float], ops: int) -> str:
    total = sum(times.values())
    stages = "".join(f"{times[stage]:>8.2f}" for stage in STAGES)
    return f"{name:22}{ops:>6}{stages}{total:>8.2f}{1000 * total / ops:>10.2f}"


def report() -> list[str]:
    """The table, a line each, printed as it grows."""
    head = "".join(f"{stage:>8}" for stage in STAGES)
    lines = [f"commit {commit()}; seconds of CPU time", f"{'':22}{'ops':>6}{head}{'all':>8}{'ms an op':>10}"]
    model = load_model("vww", ROOT / ".cache" / "models")
    lines.append(row("MobileNetV1-0.25", stage_times_s(lambda: read_tflite(model)), len(read_tflite(model).ops)))
    for branching in (False, True):
        totals = []
        for count in COUNTS:
            times = stage_times_s(lambda count=count, branching=branching: chain(count, branching))  # type: ignore[misc]
            totals.append(sum(times.values()))
            lines.append(row("branching" if branching else "chain", times, count))
        growth = totals[-1] / totals[-3] / (COUNTS[-1] / COUNTS[-3])
        lines.append(f"  four times the operators take {4 * growth:.2f} times as long ({COUNTS[-3]} to {COUNTS[-1]})")
    return lines


def main() -> None:
    given = parser("Time from .tflite to C.", __file__).parse_args()
    publish(report(), given.write)


if __name__ == "__main__":
    main()
