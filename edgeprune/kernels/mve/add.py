"""ADD and SUB of equal shapes in two multiplications (`firmware/include/mve/add.h`)."""

from __future__ import annotations

from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.dsp.add import linear_sum
from edgeprune.target.profile import Isa


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return linear_sum(graph, op, "mve") if isa is Isa.MVE else None
