"""Flash that is left over buys speed: the kernels that save most instructions for a byte, while the limits hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from edgeprune.budget import Footprint
from edgeprune.build.kernels import kernel_bytes
from edgeprune.build.toolchain import find_toolchain
from edgeprune.cost.flash import EngineBaseline
from edgeprune.cost.latency import predicted_instructions
from edgeprune.deploy import compile_graph
from edgeprune.fitting.candidate import Candidate, with_faster
from edgeprune.fitting.cost import footprint_of
from edgeprune.fitting.job import Job
from edgeprune.kernels import lower
from edgeprune.kernels.base import KernelCall, Optimize

_MOST_LINKS = 3


def spend_flash(job: Job, candidate: Candidate, predicted: Footprint) -> tuple[Candidate, Footprint]:
    """The candidate with faster kernels where the linked image has room for them, and what was predicted of it.

    Args:
        predicted: of the candidate as it is; given back with it where there is no room.
    """
    ranked = _worthwhile(job, candidate)
    for link in range(1, _MOST_LINKS + 1):
        faster, expected = _within_limits(job, candidate, ranked)
        if expected is None:
            break
        found = with_faster(job, candidate, faster, f"faster {link}")
        if found.footprint.fits(job.budget):
            job.progress.note(f"flash left over made {len(faster)} layers faster")
            return found, expected
        ranked = [index for index in ranked if index in faster][:-1]
    return candidate, predicted


def _worthwhile(job: Job, candidate: Candidate) -> list[int]:
    """Ops whose kernel for speed is predicted to take fewer instructions, the most saved for a byte first."""
    calls = candidate.model.calls
    speedy = lower(candidate.model.graph, job.target.cpu.isa, Optimize.SPEED)
    worth: dict[int, float] = {}
    for index, (call, faster) in enumerate(zip(calls, speedy, strict=True)):
        slow, fast = (predicted_instructions(one, job.target.cpu) for one in (call, faster))
        if slow is not None and fast is not None and fast < slow:  # a function never measured is not known to be faster
            worth[index] = (slow - fast) / max(1, _flash_bytes(faster) - _flash_bytes(call))
    return sorted(worth, key=lambda index: -worth[index])


def _within_limits(job: Job, candidate: Candidate, ranked: list[int]) -> tuple[frozenset[int], Footprint | None]:
    """As many of them, in order, as the predicted footprint has room for, and that footprint; None for none."""
    model, chosen, expected = candidate.model, frozenset[int](), None
    for index in ranked:
        tried = compile_graph(model.graph, job.target, model.optimize, model.identity, chosen | {index})
        found = footprint_of(tried, job.target, _with_kernels(job, candidate, tried.kernel_sources))
        if found.fits(job.budget):
            chosen, expected = chosen | {index}, found
    return chosen, expected


def _with_kernels(job: Job, candidate: Candidate, sources: Iterable[str]) -> EngineBaseline:
    """The candidate's baseline with the kernels that its own image does not hold."""
    added, toolchain = set(sources) - set(candidate.model.kernel_sources), find_toolchain()
    grown = kernel_bytes(added, toolchain.cpu_flags(job.target.cpu), candidate.model.optimize, toolchain)
    parts = dict(candidate.baseline.flash_parts)
    return replace(candidate.baseline, flash_parts=parts | {"kernels": parts["kernels"] + grown})


def _flash_bytes(call: KernelCall) -> int:
    return sum(constant.size_bytes for constant in call.constants) + sum(part.code_bytes for part in call.shared)
