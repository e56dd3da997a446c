"""Flash that is left over is traded for speed: the kernels that save most cycles a byte, within the limits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from edgeprune.budget import Budget, Footprint, Optimize
from edgeprune.deploy.call_sizes import with_call_sizes
from edgeprune.deploy.firmware.images import measured_sizes
from edgeprune.deploy.firmware.linked import LinkedModel
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.engine.compile import compile_graph
from edgeprune.engine.cost.flash_size import CallSize
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall

_MOST_LINKS = 3


def with_faster_kernels(linked: LinkedModel, limits: Budget, predicted: Footprint) -> tuple[LinkedModel, Footprint]:
    """The model with faster kernels where the linked image has room for them, and what was predicted of it.

    Args:
        predicted: of the model as it is; returned with it where there is no room.
    """
    ranked = _worthwhile(linked)
    for _ in range(_MOST_LINKS):
        faster, expected = _within_limits(linked, limits, ranked)
        if expected is None:
            break
        upgraded = linked.with_faster(faster)
        if upgraded.footprint.fits(limits) and _is_faster(upgraded, linked):
            return upgraded, expected
        ranked = [index for index in ranked if index in faster][:-1]
    return linked, predicted


def _is_faster(upgraded: LinkedModel, linked: LinkedModel) -> bool:
    """Code larger than a cache may save instructions and take longer."""
    return upgraded.time is None or linked.time is None or upgraded.time.longest_us < linked.time.longest_us


def _worthwhile(linked: LinkedModel) -> list[int]:
    """Ops whose kernel for speed is predicted to take less, the most saved for a byte first: in cycles, or in
    instructions where no time is predicted."""
    calls, cpu, cycles = linked.model.calls, linked.target.cpu, linked.baseline.cycles
    speedy = lower(linked.model.graph, cpu.isa, Optimize.SPEED)

    def takes(call: KernelCall) -> float | None:
        return predicted_instructions(call, cpu) if cycles is None else cycles.total(call, cpu, None)

    worth: dict[int, float] = {}
    for index, (call, faster) in enumerate(zip(calls, speedy, strict=True)):
        slow, fast = takes(call), takes(faster)
        if slow is not None and fast is not None and fast < slow:  # a function never measured is not known to be faster
            worth[index] = (slow - fast) / max(1, _flash_bytes(faster) - _flash_bytes(call))
    return sorted(worth, key=lambda index: -worth[index])


def _within_limits(linked: LinkedModel, limits: Budget, ranked: list[int]) -> tuple[frozenset[int], Footprint | None]:
    """As many of them, in order, as the predicted footprint has room for, and that footprint; None for none."""
    model, target = linked.model, linked.target
    chosen, expected, known = frozenset[int](), None, dict[str, CallSize]()
    for index in ranked:
        options = replace(model.options, faster=chosen | {index})
        tried = compile_graph(model.graph, target, options, model.identity)
        baseline = with_call_sizes(linked.baseline, known, tried.calls, partial(measured_sizes, tried, target))
        footprint = footprint_of(tried, target, baseline)
        if footprint.fits(limits):
            chosen, expected = options.faster, footprint
    return chosen, expected


def _flash_bytes(call: KernelCall) -> int:
    return sum(constant.size_bytes for constant in call.constants) + sum(part.code_bytes for part in call.shared)
