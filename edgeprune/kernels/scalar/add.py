"""ADD and SUB of equal shapes: the DSP kernel is two multiplications in plain C, and fast on every core."""

from __future__ import annotations

from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.dsp.add import linear_sum
from edgeprune.target.profile import Isa


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return linear_sum(graph, op, "dsp") if isa is Isa.SCALAR else None
