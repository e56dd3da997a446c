"""RAM that is left over holds constants, so that reading them waits for no flash."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Limits
from edgeprune.deploy.firmware.images import link_images
from edgeprune.deploy.firmware.limits import budget_for
from edgeprune.deploy.firmware.predicted_time import predicted_time
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.space import unbounded_space
from edgeprune.units import bytes_text

_ALIGNMENT_BYTES = 16


def within_ram(model: CompiledModel, target: Target, ram_bytes: int) -> CompiledModel:
    """The model with as many of its constants in RAM as `ram_bytes` have room for, those that wait longest for a byte
    first.

    Args:
        ram_bytes: what the whole image may take, the reserved stack in it.

    Raises:
        DoesNotFit: the image takes more as it is.
        UsageError: the budget is larger than the target's RAM, or nothing says how long its flash makes it wait.
    """
    limits = budget_for(target, Limits(ram_bytes=ram_bytes))
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(model, target, Path(folder), unbounded_space(target))
        time = None if images.emulated is None else predicted_time(images.emulated.elf, target)
        left = limits.ram_bytes - images.judged.size.ram_bytes - _ALIGNMENT_BYTES
    if left < 0:
        raise DoesNotFit(
            f"the image takes {bytes_text(images.judged.size.ram_bytes)} of RAM, "
            f"{bytes_text(limits.ram_bytes)} are allowed",
            hint="allow more, or make the arena smaller: --ram-first, or `edgeprune fit`",
        )
    if time is None or target.region("flash").timing is None:
        raise UsageError(
            f"--ram copies to RAM what waits for flash, and nothing says how long {target.name} waits",
            hint="state `timing` of its flash in the target's file (docs/time.md), or leave --ram away",
        )
    return compile_graph(model.graph, target, _with_constants(model, time.layers, left), model.identity)


def _with_constants(model: CompiledModel, layers: tuple[Cycles, ...], left_bytes: int) -> CompileOptions:
    place = {op.name: index for index, op in enumerate(model.graph.ops)}
    waits: dict[int, float] = defaultdict(float)
    for index, cycles in zip(model.running, layers, strict=True):
        like = model.calls[index].like
        waits[index if like is None else place[like]] += cycles.flash_data
    sizes = {index: sum(constant_bytes([model.calls[index]]).values()) for index in waits}
    chosen = set()
    for index in sorted(waits, key=lambda one: -waits[one] / max(1, sizes[one])):
        if waits[index] > 0 and 0 < sizes[index] <= left_bytes:
            chosen.add(index)
            left_bytes -= sizes[index]
    return replace(model.options, in_ram=frozenset(chosen))
