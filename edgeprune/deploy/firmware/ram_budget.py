"""RAM that is left over holds constants, so that reading them waits for no flash."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Budget, Limits
from edgeprune.deploy.firmware.images import link_images
from edgeprune.deploy.firmware.limits import budget_for
from edgeprune.deploy.firmware.linked import LinkedModel
from edgeprune.deploy.firmware.predicted_time import calibrated_time
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.client_form import SAME, ClientForm
from edgeprune.toolchain.space import unbounded_space
from edgeprune.units import bytes_text

_ALIGNMENT_BYTES = 16
SLACK_BYTES = 128
"""Of RAM that a fit leaves: alignment, and a stack that differs a little from image to image."""


def within_ram(model: CompiledModel, target: Target, ram_bytes: int, client: ClientForm = SAME) -> CompiledModel:
    """The model with as many of its constants in RAM as `ram_bytes` have room for, those that wait longest for a byte
    first.

    Args:
        ram_bytes: what the whole image may take, the reserved stack in it.
        client: of the image's console.

    Raises:
        DoesNotFit: the image takes more as it is.
        UsageError: the budget is larger than the target's RAM, or nothing says how long its flash makes it wait.
    """
    limits = budget_for(target, Limits(ram_bytes=ram_bytes))
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(model, target, Path(folder), unbounded_space(target), client)
        time = None if images.emulated is None else calibrated_time(images.emulated.elf, model, target)
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


def with_constants_in_ram(linked: LinkedModel, limits: Budget) -> LinkedModel:
    """The linked model with constants in the RAM that its limits leave over; as it is where that makes it no faster.

    Args:
        linked: with constants in flash.
    """
    left = limits.ram_bytes - linked.footprint.ram_bytes - SLACK_BYTES
    if linked.time is None or left <= 0 or linked.model.options.ram_first:
        return linked
    options = _with_constants(linked.model, linked.time.layers, left)
    if not options.in_ram:
        return linked
    moved = linked.again(linked.tflite, linked.target, options)
    is_faster = moved.time is not None and moved.time.longest_us < linked.time.longest_us
    return moved if is_faster and moved.footprint.ram_bytes <= limits.ram_bytes else linked


def _with_constants(model: CompiledModel, layers: tuple[Cycles, ...], left_bytes: int) -> CompileOptions:
    waits = {index: cycles.flash_data for index, cycles in zip(model.running, layers, strict=True)}
    return replace(model.options, in_ram=frozenset(longest_waiting(model, waits, left_bytes)))


def longest_waiting(model: CompiledModel, waits: Mapping[int, float], left_bytes: int) -> set[int]:
    """Positions of the operators whose constants `left_bytes` of RAM have room for, those that wait longest a byte
    first.

    Args:
        waits: position of an operator -> cycles that its constants make it wait.
    """
    place = {op.name: index for index, op in enumerate(model.graph.ops)}
    of_holders: dict[int, float] = defaultdict(float)
    for index, cycles in waits.items():
        like = model.calls[index].like
        of_holders[index if like is None else place[like]] += cycles
    sizes = {index: sum(constant_bytes([model.calls[index]]).values()) for index in of_holders}
    chosen = set()
    for index in sorted(of_holders, key=lambda one: -of_holders[one] / max(1, sizes[one])):
        if of_holders[index] > 0 and 0 < sizes[index] <= left_bytes:
            chosen.add(index)
            left_bytes -= sizes[index]
    return chosen
