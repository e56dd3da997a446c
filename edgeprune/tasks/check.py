"""What becomes of a `.tflite` on a target, without a compiler: what runs it, layer by layer, or what does not."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity
from edgeprune.engine.compile import CompiledModel, CompileOptions, cleaned_model, compile_graph
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.kernels import problems_of
from edgeprune.engine.kernels.explain import runs_on, why_plain
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Target


@dataclass(frozen=True)
class CheckedLayer:
    """One layer as it would run.

    Attributes:
        kernel: the C function at its heart.
        runs_on: `ref` (plain C), `scalar`, `dsp`, `mve`; `nothing` or `memcpy`.
        why: no faster kernel runs all of it; None where one does.
        instructions: predicted; None where its kernel was never measured on the core.
    """

    name: str
    operator: str
    output_shape: tuple[int, ...]
    macs: int
    kernel: str
    runs_on: str
    why: str | None
    instructions: float | None


@dataclass(frozen=True)
class Checked:
    """problems: in words, each with its layer; empty where the file compiles, and then the rest is known."""

    problems: tuple[str, ...]
    hint: str | None
    layers: tuple[CheckedLayer, ...] = ()
    arena_bytes: int | None = None
    weight_bytes: int | None = None
    table_bytes: int | None = None

    @property
    def plain_share(self) -> float | None:
        """Of all multiplications, those in plain C; None without any."""
        total = sum(layer.macs for layer in self.layers)
        return sum(layer.macs for layer in self.layers if layer.runs_on == "ref") / total if total else None


def check_model(tflite: bytes, target: Target, optimize: Optimize, ram_first: bool = False) -> Checked:
    """Reads, cleans, chooses kernels and plans the arena as `build` does; nothing is written."""
    options = CompileOptions(optimize, ram_first=ram_first)
    try:
        graph = cleaned_model(tflite, target, options)
        problems = problems_of(graph)
        if problems:
            first = next(iter(problems.values()))
            return Checked(tuple(problem.message for problem in problems.values()), first.hint)
        model = compile_graph(graph, target, options, Identity("model", "", target.name, "", ""))
        model.sources()  # the last that may refuse: values that no constant of a kernel can take
    except ModelError as problem:
        return Checked((problem.message,), problem.hint)
    constants = constant_bytes(model.calls)
    return Checked((), None, _layers(model, target), model.plan.arena_bytes, constants["weights"], constants["tables"])


def _layers(model: CompiledModel, target: Target) -> tuple[CheckedLayer, ...]:
    return tuple(
        CheckedLayer(
            name=op.name,
            operator=str(op.kind),
            output_shape=model.graph.output_of(op).shape,
            macs=call.work.macs,
            kernel=call.function,
            runs_on=runs_on(call),
            why=why_plain(model.graph, op, call, target.cpu.isa, model.options.optimize),
            instructions=None if call.is_view else predicted_instructions(call, target.cpu),
        )
        for op, call in zip(model.graph.ops, model.calls, strict=True)
    )
