"""From an int8 model to a linked image and a board that runs it: the road `fit`, `build` and `profile` share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.build.firmware import Firmware, build_firmware
from edgeprune.build.package import PackageFacts, package_files
from edgeprune.build.space import LinkSpace, target_space
from edgeprune.codegen.emit import Identity, emit
from edgeprune.constant_channels import without_constant_channels
from edgeprune.cost.flash import constant_bytes
from edgeprune.device.board import open_board
from edgeprune.device.console import Console
from edgeprune.errors import DeviceError, ModelError, UsageError
from edgeprune.graph.clean import clean
from edgeprune.graph.early_exit import added, skipped, with_early_exit
from edgeprune.graph.order import least_memory_order
from edgeprune.ir import Graph, OpKind
from edgeprune.kernels import lower
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.concatenation import place_channels
from edgeprune.plan import MemoryPlan, make_plan
from edgeprune.plan.stage import plan_ram_first
from edgeprune.release import __version__
from edgeprune.target.profile import Isa, Target
from edgeprune.target.registry import load_target
from edgeprune.tflite.read import read_tflite


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
        identity: stated in the generated files and answered by the console.
        optimize: what the kernels were chosen for.
        faster: positions of ops whose kernels were chosen for speed all the same.
        extra_macs: what layers run row by row cost beyond the network's own.
    """

    graph: Graph
    calls: tuple[KernelCall, ...]
    plan: MemoryPlan
    identity: Identity
    optimize: Optimize
    faster: frozenset[int] = frozenset()
    extra_macs: int = 0

    @property
    def input_bytes(self) -> int:
        return sum(self.graph.tensors[index].size_bytes for index in self.graph.inputs)

    def sources(self) -> dict[str, str]:
        """The generated C files by name."""
        return emit(self.graph, self.calls, self.plan, self.identity)

    @property
    def kernel_sources(self) -> tuple[str, ...]:
        return tuple(sorted({source for call in self.calls for source in call.sources}))

    @property
    def row_by_row_layers(self) -> int:
        """Layers that run row by row."""
        return sum(len(op.attrs["ops"]) for op in self.graph.ops if op.kind is OpKind.STAGE)

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


def compile_model(
    model: bytes,
    target: Target,
    *,
    optimize: Optimize,
    model_id: str,
    command: str,
    layer_names: Sequence[str] = (),
    faster: Iterable[int] = (),
    ram_first: bool = False,
    exit_margin: int | None = None,
) -> CompiledModel:
    """Reads a `.tflite`, cleans its graph, chooses kernels and plans the arena.

    Args:
        model: the int8 `.tflite` file.
        layer_names: names for its ops in order, where the file was stripped of them; empty keeps the file's.
        faster: positions, in the compiled graph, of ops whose kernels are chosen for speed whatever `optimize` says.
        ram_first: run the first layers row by row (`plan/stage`) where that makes the arena smaller.
        exit_margin: at which inputs leave at the file's early exit, its second output (`graph/early_exit.py`).

    Raises:
        ModelError, UnsupportedOp: the file cannot be used.
    """
    graph = read_tflite(model)
    if layer_names and len(layer_names) == len(graph.ops):
        graph = graph.with_ops(tuple(replace(op, name=name) for op, name in zip(graph.ops, layer_names, strict=True)))
    model_hash = hashlib.sha256(model).hexdigest()[:16]
    identity = Identity(model_id, model_hash, target.name, command, __version__)
    cleaned = without_constant_channels(clean(graph))
    if exit_margin is not None:
        cleaned = with_early_exit(cleaned, exit_margin)
    return compile_graph(cleaned, target, optimize, identity, faster, ram_first)


def compile_file(
    path: Path, target: Target, *, optimize: Optimize, model_id: str, command: str, ram_first: bool = False
) -> CompiledModel:
    """`compile_model` for a file a user named, which its errors name too.

    Raises:
        UsageError: there is no such file.
        ModelError, UnsupportedOp: the file cannot be used.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there", hint="give an int8 .tflite")
    try:
        return compile_model(
            path.read_bytes(), target, optimize=optimize, model_id=model_id, command=command, ram_first=ram_first
        )
    except ModelError as error:
        raise type(error)(f"{path.name}: {error.message}", error.hint) from None


def compile_graph(
    graph: Graph,
    target: Target,
    optimize: Optimize,
    identity: Identity,
    faster: Iterable[int] = (),
    ram_first: bool = False,
) -> CompiledModel:
    """Kernels and arena of a cleaned int8 graph; one without data cannot be emitted, only measured.

    `ram_first` wants lean kernels everywhere: it overrules `faster`.
    """
    if ram_first:
        staged = plan_ram_first(graph, target.cpu.isa, optimize)
        calls, plan = _channels_placed(staged.graph, staged.calls, staged.plan)
        return CompiledModel(staged.graph, calls, plan, identity, optimize, extra_macs=staged.extra_macs)
    chosen, ordered = frozenset(faster), _in_best_order(graph, target.cpu.isa, optimize)
    calls = lower(ordered, target.cpu.isa, optimize, chosen)
    calls, plan = _channels_placed(ordered, calls, make_plan(ordered, calls))
    return CompiledModel(ordered, calls, plan, identity, optimize, chosen)


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


@dataclass(frozen=True)
class Images:
    """What was linked.

    Attributes:
        own: for the target itself; None where no firmware board exists for it yet.
        emulated: for the machine that stands in, within the target's own limits; `own` where that boots there itself.
    """

    own: Firmware | None
    emulated: Firmware | None

    @property
    def judged(self) -> Firmware:
        """The image whose size counts."""
        image = self.own or self.emulated
        assert image is not None
        return image


def emulated_target(target: Target) -> Target | None:
    """The target whose firmware runs on the emulated machine; None where there is no machine."""
    if target.emulator is None:
        return None
    return target if target.emulator.target is None else load_target(target.emulator.target)


def link_images(model: CompiledModel, target: Target, folder: Path, limits: LinkSpace | None = None) -> Images:
    """Links for the target and for its stand-in.

    Args:
        limits: flash, RAM and stack sizes to link within; by default the target's own.

    Raises:
        DoesNotFit: an image leaves its memory.
        UsageError: nothing can be built for this target.
        ToolchainError: no compiler, or it failed.
    """
    limits = limits or target_space(target)
    stand_in = emulated_target(target)
    if target.firmware is None and stand_in is None:
        raise UsageError(
            f"{target.name} has neither a firmware board nor an emulated machine",
            hint="`edgeprune targets list` shows what each target can do",
        )
    own = _link(model, target, folder, limits) if target.firmware is not None else None
    if stand_in is None or stand_in is target:
        return Images(own, own if stand_in is not None else None)
    emulated = _link(model, stand_in, folder / "emulated" if own else folder, limits)
    return Images(own, emulated)


def package(model: CompiledModel, target: Target, image: Firmware) -> dict[str, str]:
    """The files of the model's C for a firmware engineer's own project; `image` says what its code takes."""
    constants, parts = constant_bytes(model.calls), image.size.flash_parts
    facts = PackageFacts(
        model_id=model.identity.model_id,
        model_hash=model.identity.model_hash,
        command=model.identity.command,
        version=model.identity.version,
        arena_bytes=model.plan.arena_bytes,
        weight_bytes=constants["weights"],
        table_bytes=constants["tables"],
        optimize=model.optimize,
        code_bytes=parts["kernels"] + parts["model"],
        compiler=image.toolchain,
    )
    return package_files(model.graph, model.sources(), model.kernel_sources, target, facts)


def _link(model: CompiledModel, target: Target, folder: Path, limits: LinkSpace) -> Firmware:
    origins = target_space(target)
    space = replace(limits, flash_origin=origins.flash_origin, ram_origin=origins.ram_origin)
    return build_firmware(
        model.sources(),
        model.kernel_sources,
        target,
        folder,
        input_bytes=model.input_bytes,
        optimize=model.optimize,
        space=space,
    )


@contextmanager
def running_board(images: Images, target: Target, port: str | None = None) -> Iterator[Console]:
    """A console on the firmware: emulated by default, on the board at `port` otherwise.

    Raises:
        DeviceError: no board, no machine, or another firmware on it.
    """
    if port is not None:
        if images.own is None:
            raise DeviceError(f"no firmware was built for {target.name} itself", hint="leave --port away to emulate it")
        with open_board(target, images.own.elf, images.own.build_id, port) as console:
            yield console
        return
    machine = emulated_target(target)
    if machine is None or images.emulated is None:
        raise DeviceError(f"no emulated machine stands in for {target.name}", hint="name the board's port with --port")
    with open_board(machine, images.emulated.elf, images.emulated.build_id) as console:
        yield console
