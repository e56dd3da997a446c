"""What becomes of a `.tflite` on a target, without a compiler: what runs it, layer by layer, or what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import require_buildable
from edgeprune.engine.codegen.emit import Identity
from edgeprune.engine.compile import CompiledModel, CompileOptions, cleaned_model, compile_graph
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.kernels import problems_of
from edgeprune.engine.kernels.explain import runs_on, why_plain
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.space import LinkSpace, target_space


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
    """What became of it.

    Attributes:
        problems: in words, each with its layer; empty where the file compiles, and then the rest is known.
        misfits: by region of memory that is too small even without code, in words likewise.
    """

    problems: tuple[str, ...]
    hint: str | None
    misfits: Mapping[str, str] = field(default_factory=dict)
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
    """Reads, cleans, chooses kernels, plans the arena and makes the C as `build` does; nothing is written.

    Raises:
        UsageError: nothing can be built for the target.
    """
    space = target_space(target)
    require_buildable(target)
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
    weights, tables, arena = constants["weights"], constants["tables"], model.plan.arena_bytes
    return Checked((), None, _misfits(space, weights + tables, arena), _layers(model, target), arena, weights, tables)


def _misfits(space: LinkSpace, constants_bytes: int, arena_bytes: int) -> dict[str, str]:
    """What does not fit whatever the code takes."""
    least = {
        "flash": ("its constants", constants_bytes, space.flash_bytes),
        "RAM": ("the arena and the stack", arena_bytes + space.stack_bytes, space.ram_bytes),
    }
    return {
        region: f"{region} needs at least {taken:,} B for {what}, {taken - there:,} more than the {there:,} B there are"
        for region, (what, taken, there) in least.items()
        if taken > there
    }


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
