"""One arena for all activations and scratch: `make_plan(graph, calls) -> MemoryPlan`, placed and validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.plan.conflicts import state_problem
from edgeprune.engine.plan.lifetime import find_buffers
from edgeprune.engine.plan.place import arena_bytes, place
from edgeprune.engine.plan.validator import validate_plan
from edgeprune.ir import Graph

__all__ = ["MemoryPlan", "least_arena_bytes", "make_plan"]


@dataclass(frozen=True)
class MemoryPlan:
    """Where everything lies in the arena.

    Attributes:
        offset_bytes: activation tensor index -> offset, a multiple of 4; constants are absent.
        scratch_offset_bytes: op index -> offset of its scratch; ops without scratch are absent.
        arena_bytes: size of the arena.
        needed_bytes: per op, the fewest bytes any plan needs while it runs; one more for reading the outputs.
        peak_op: index of the op with the most of them.
    """

    offset_bytes: Mapping[int, int]
    scratch_offset_bytes: Mapping[int, int]
    arena_bytes: int
    needed_bytes: tuple[int, ...]
    peak_op: int


def make_plan(graph: Graph, calls: Sequence[KernelCall]) -> MemoryPlan:
    """Places every activation and scratch of `graph` and proves the placement.

    Args:
        graph: in execution order; shapes suffice, no data is read.
        calls: one per op of the graph.

    Raises:
        PlanError: the plan would break a live value (a bug; see `engine/plan/validator.py`).
    """
    buffers = find_buffers(graph, calls)
    problem = state_problem(graph, calls, buffers)
    offsets = place(problem)
    plan = MemoryPlan(
        offset_bytes={
            tensor: offset + inside
            for buffer, offset in zip(buffers, offsets, strict=True)
            for tensor, inside in buffer.tensors.items()
        },
        scratch_offset_bytes={
            buffer.scratch_op: offset
            for buffer, offset in zip(buffers, offsets, strict=True)
            if buffer.scratch_op is not None
        },
        arena_bytes=arena_bytes(problem, offsets),
        needed_bytes=problem.needed_bytes,
        peak_op=max(range(max(1, len(calls))), key=problem.needed_bytes.__getitem__),
    )
    validate_plan(graph, calls, plan)
    return plan


def least_arena_bytes(graph: Graph, calls: Sequence[KernelCall]) -> int:
    """A lower bound of the arena, quicker than a plan and nearly always met by it."""
    return max(state_problem(graph, calls, find_buffers(graph, calls)).needed_bytes)
