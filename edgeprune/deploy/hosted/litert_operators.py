"""Operators of a `.tflite` timed one by one on a device: its Python interpreter has no profiler, so each is a file.

Each operator is written as a network of its own and run by the same runner: LiteRT chooses the kernels that it would
choose in the whole network, XNNPACK's included. What LiteRT fuses across operators is not seen.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Optimize
from edgeprune.deploy.hosted.operator_times import NOT_TIMED, OperatorTimes, TimedOperator
from edgeprune.deploy.hosted.replies import lines_of
from edgeprune.deploy.hosted.roofline import layer_ns
from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.errors import DeviceError, ModelError
from edgeprune.hardware.profile import Isa, Target
from edgeprune.ir import Graph, Op

_RUN_S = 600.0
_HOW = "operators: each by itself in LiteRT, as a file of its own; the call of it from Python is in its time"


def operator_times(session: RuntimeSession, tflite: bytes, target: Target, timing: Timing) -> OperatorTimes:
    """Of one inference on a device; nothing elsewhere.

    Raises:
        DeviceError: the machine, the link or the runtime failed.
    """
    if not session.measures:
        return NOT_TIMED
    try:
        graph = read_tflite(tflite)
        files = {f"operator-{number}.tflite": _alone(graph, op) for number, op in enumerate(graph.ops)}
        calls = lower(graph, Isa.REF, Optimize.BALANCED)
    except ModelError as problem:
        return OperatorTimes((), f"operators are not timed: {problem.message}")
    folder = session.machine.install({**session.runner, **files})
    words = [*session.words, "operators", *timing.words]
    told = lines_of(session.machine.run(folder, words, b"", _RUN_S), session.machine.name)
    took_ns = {words[1]: float(words[2]) for words in told if words[0] == "operator" and len(words) == 3}
    if len(took_ns) != len(graph.ops):
        raise DeviceError(
            f"{session.machine.name}: {len(took_ns)} of {len(graph.ops)} operators were timed", hint="run it again"
        )
    predicted_ns = layer_ns(calls, target, {})
    rows = [
        TimedOperator(
            op.name, str(op.kind), took_ns[str(number)] / 1e3, graph.output_of(op).shape, calls[number].work.macs,
            predicted_ns[number] / 1e3,
        )
        for number, op in enumerate(graph.ops)
    ]  # fmt: skip
    return OperatorTimes(rows, _HOW)


def _alone(graph: Graph, op: Op) -> bytes:
    """The file of a network that is this operator."""
    used = sorted({index for index in (*op.inputs, *op.outputs) if index >= 0})
    number = {index: position for position, index in enumerate(used)} | {-1: -1}
    tensors = tuple(graph.tensors[index] for index in used)
    moved = replace(
        op, inputs=tuple(number[index] for index in op.inputs), outputs=tuple(number[index] for index in op.outputs)
    )
    read = dict.fromkeys(index for index in moved.inputs if index >= 0)
    inputs = tuple(index for index in read if not (tensors[index].is_constant or tensors[index].is_variable))
    return write_tflite(expressible(Graph(tensors, (moved,), inputs, moved.outputs)))
