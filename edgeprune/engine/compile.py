"""The compiler's door: an int8 `.tflite` in, a graph with kernels and an arena out, and its C."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import Identity, emit
from edgeprune.engine.codegen.tensor_table import tensor_table
from edgeprune.engine.constant_channels import without_constant_channels
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.constant_inputs import with_constants_in_arena
from edgeprune.engine.graph.early_exit import added, skipped, with_early_exit
from edgeprune.engine.graph.order import least_memory_order
from edgeprune.engine.graph.states import with_states_in_place
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall, Place
from edgeprune.engine.kernels.code_cache import within_code_cache
from edgeprune.engine.kernels.movement.concatenation import place_channels
from edgeprune.engine.kernels.number_formats import refuse_other_formats
from edgeprune.engine.kernels.shared_constants import with_shared_constants
from edgeprune.engine.plan import MemoryPlan, make_plan
from edgeprune.engine.plan.stage import plan_ram_first
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa, Target
from edgeprune.ir import Graph, Op, StageAttrs
from edgeprune.release import __version__


@dataclass(frozen=True)
class CompileOptions:
    """How a model is compiled.

    Attributes:
        optimize: how much flash may be traded for speed.
        model_id: the console's reply to `profile`, for example `kws01`.
        command: that made the generated files, stated at their top.
        layer_names: of the file's operators in order, where it was stripped of them; empty keeps the file's.
        faster: positions, in the compiled graph, of operators whose kernels are chosen for speed all the same.
        ram_first: run the first layers row by row (`plan/stage`) where that makes the arena smaller. Uses lean
            kernels everywhere: it overrules `faster`.
        in_ram: positions of operators whose constants are copied to RAM at start.
        exit_margin: at which inputs leave at the file's early exit, its second output (`graph/early_exit.py`).
    """

    optimize: Optimize
    model_id: str = "model"
    command: str = ""
    layer_names: tuple[str, ...] = ()
    faster: frozenset[int] = frozenset()
    ram_first: bool = False
    in_ram: frozenset[int] = frozenset()
    exit_margin: int | None = None


@dataclass(frozen=True)
class ExitLayers:
    """Indices of layers as they run: those only an early exit needs, and those behind it."""

    own: frozenset[int]
    late: frozenset[int]


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """An int8 graph with everything the generator decided about it.

    Attributes:
        graph: cleaned, in execution order.
        calls: one per op.
        plan: its arena.
        identity: stated in the generated files and by the console.
        options: it was compiled with; `faster` as far as it was heeded.
        extra_macs: what layers run row by row cost beyond the network's own.
    """

    graph: Graph
    calls: tuple[KernelCall, ...]
    plan: MemoryPlan
    identity: Identity
    options: CompileOptions
    extra_macs: int = 0

    @property
    def input_bytes(self) -> int:
        return sum(self.graph.tensors[index].size_bytes for index in self.graph.inputs)

    def sources(self) -> dict[str, str]:
        """The generated C files by name."""
        return emit(self.graph, self.calls, self.plan, self.identity)

    def tensor_table(self) -> str:
        """Where its tensors lie in the arena, as JSON for debuggers."""
        return tensor_table(self.graph, self.calls, self.plan.offset_bytes)

    @property
    def kernel_sources(self) -> tuple[str, ...]:
        return tuple(sorted({source for call in self.calls for source in call.sources}))

    @property
    def row_by_row_layers(self) -> int:
        """Layers that run row by row."""
        return sum(op.attrs.layer_count for op in self.graph.ops if isinstance(op.attrs, StageAttrs))

    @property
    def exit_layers(self) -> ExitLayers:
        """Which of the layers that run an early exit adds, and which it may skip."""
        own, late = (
            frozenset(number for number, index in enumerate(self.running) if index in ops)
            for ops in (added(self.graph), skipped(self.graph))
        )
        return ExitLayers(own, late)

    @property
    def running(self) -> list[int]:
        """Indices of the ops that become a layer on the device: views do not run."""
        return [index for index, call in enumerate(self.calls) if not call.is_view]


def compile_model(model: bytes, target: Target, options: CompileOptions) -> CompiledModel:
    """Reads a `.tflite`, cleans its graph, chooses kernels and plans the arena.

    Args:
        model: the int8 `.tflite` file.

    Raises:
        ModelError, UnsupportedOp: the file cannot be used.
    """
    cleaned = cleaned_model(model, target, options)
    model_hash = hashlib.sha256(model).hexdigest()[:16]
    identity = Identity(options.model_id, model_hash, target.name, options.command, __version__)
    return compile_graph(cleaned, target, options, identity)


def cleaned_model(model: bytes, target: Target, options: CompileOptions) -> Graph:
    """The graph of a `.tflite` as it will be compiled.

    Raises:
        ModelError: the file cannot be read.
        UnsupportedOp: operators, or the format of its numbers, that no kernel knows.
    """
    graph, names = read_tflite(model), options.layer_names
    if names and len(names) == len(graph.ops):
        graph = graph.with_ops(tuple(replace(op, name=name) for op, name in zip(graph.ops, names, strict=True)))
    cleaned = clean(graph)
    refuse_other_formats(cleaned)
    cleaned = with_states_in_place(without_constant_channels(cleaned, target.cpu.isa))
    cleaned = with_constants_in_arena(cleaned)
    if options.exit_margin is not None:
        cleaned = with_early_exit(cleaned, options.exit_margin)
    return cleaned


def compile_named(name: str, tflite: bytes, target: Target, options: CompileOptions) -> CompiledModel:
    """`compile_model` for what a file of a user holds; errors name the file.

    Raises:
        ModelError, UnsupportedOp: the file cannot be used.
    """
    try:
        return compile_model(tflite, target, options)
    except ModelError as error:
        hint = error.hint or "check how the file was made: its converter's own runtime should run it, too"
        raise type(error)(f"{name}: {error.message}", hint) from None


def compile_graph(graph: Graph, target: Target, options: CompileOptions, identity: Identity) -> CompiledModel:
    """Kernels and arena of a cleaned int8 graph; one without data cannot be emitted, only measured.

    Args:
        graph: its layers named, its early exit in it: `layer_names` and `exit_margin` are ignored.
        options: `identity` stands for the model and the command.
    """
    isa, optimize, cache_bytes = target.cpu.isa, options.optimize, target.code_cache_bytes
    if options.ram_first:
        staged, lean = plan_ram_first(graph, isa, optimize), replace(options, faster=frozenset())
        calls, plan = _channels_placed(staged.graph, staged.calls, staged.plan)
        calls = _as_planned(staged.graph, within_code_cache(calls, cache_bytes), plan)
        return CompiledModel(staged.graph, calls, plan, identity, lean, extra_macs=staged.extra_macs)
    ordered = _in_best_order(graph, isa, optimize)
    calls = lower(ordered, isa, optimize, options.faster)
    calls, plan = _channels_placed(ordered, calls, make_plan(ordered, calls))
    calls = within_code_cache(with_shared_constants(ordered, calls), cache_bytes)
    calls = with_calls_in_ram(_as_planned(ordered, calls, plan), options.in_ram)
    return CompiledModel(ordered, calls, plan, identity, options)


def _as_planned(graph: Graph, calls: tuple[KernelCall, ...], plan: MemoryPlan) -> tuple[KernelCall, ...]:
    """With the places that the plan gave their outputs."""
    return tuple(
        call if call.is_view else replace(call, place=_place(graph, op, plan.offset_bytes))
        for op, call in zip(graph.ops, calls, strict=True)
    )


def _place(graph: Graph, op: Op, offset_bytes: Mapping[int, int]) -> Place:
    begin = offset_bytes[op.outputs[0]]
    end = begin + graph.tensors[op.outputs[0]].size_bytes
    inputs = [index for index in op.inputs if index in offset_bytes]
    if any(offset_bytes[index] == begin for index in inputs):
        return "in place"
    beside = any(begin == offset_bytes[i] + graph.tensors[i].size_bytes or offset_bytes[i] == end for i in inputs)
    return "end to end" if beside else ""


def with_calls_in_ram(calls: tuple[KernelCall, ...], positions: Collection[int]) -> tuple[KernelCall, ...]:
    """The constants of some of them in RAM."""
    return tuple(_in_ram(call) if index in positions else call for index, call in enumerate(calls))


def _in_ram(call: KernelCall) -> KernelCall:
    return replace(call, constants=tuple(replace(constant, in_ram=True) for constant in call.constants))


def _channels_placed(
    graph: Graph, calls: tuple[KernelCall, ...], plan: MemoryPlan
) -> tuple[tuple[KernelCall, ...], MemoryPlan]:
    """Concatenated channels written side by side at once, unless the arena grows: the whole lives from part one on."""
    placed = place_channels(graph, calls)
    if placed == calls:
        return calls, plan
    placed_plan = make_plan(graph, placed)
    return (placed, placed_plan) if placed_plan.arena_bytes <= plan.arena_bytes else (calls, plan)


def _in_best_order(graph: Graph, isa: Isa, optimize: Optimize) -> Graph:
    """The graph in the order of its operators that gives the smaller arena: its own, or the one with least alive."""
    other = least_memory_order(graph)
    if other is graph:
        return graph
    own_bytes, other_bytes = (make_plan(one, lower(one, isa, optimize)).arena_bytes for one in (graph, other))
    return other if other_bytes < own_bytes else graph
