"""Channels that are constant for every input cost nothing; no byte of the output changes.

Trained networks are full of them: dead ReLUs, and channels with a scale near 1e-12 whose bias alone decides. In MLPerf
Tiny's person detector they take half of all multiplications, and the ranges of their sums would keep whole layers from
the fast kernels. `intervals.py` proves them, `harmless.py` takes their weights away, `drop.py` takes them out of the
graph where every reader can do without.
"""

from __future__ import annotations

from edgeprune.engine.constant_channels.drop import without_droppable
from edgeprune.engine.constant_channels.harmless import with_harmless_channels
from edgeprune.engine.constant_channels.intervals import intervals_of
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph

_TOGETHER = {Isa.MVE: 4, Isa.DSP: 2}  # fewer leave an odd row, which needs code of its own


def without_constant_channels(graph: Graph, isa: Isa = Isa.REF) -> Graph:
    """The same graph with fewer channels inside, and no weights in those that stay and are constant.

    Args:
        graph: clean, int8; without constant data nothing changes.
        isa: whose kernels will run it; only how many channels go depends on it.
    """
    while True:
        before, intervals = graph, intervals_of(graph)
        graph = without_droppable(with_harmless_channels(graph, intervals), intervals, _TOGETHER.get(isa, 1))
        if graph is before:
            return graph
