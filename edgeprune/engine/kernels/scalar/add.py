"""ADD and SUB of equal shapes: the DSP kernel is two multiplications in plain C, and fast on every core."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.linear_sum import linear_sum
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return linear_sum(graph, op, "dsp") if isa is Isa.SCALAR else None
