"""Rewrites of the traced float graph that prediction and export share; one a file, each the same function as before.

Every pass works with and without data in the constants and finds the same in both.
"""

from __future__ import annotations

from edgeprune.ir import Graph
from edgeprune.model.passes import directions, functions, norms, readers, rectified, scalars
from edgeprune.model.passes.rewritten import Rewritten

_PASSES = (scalars, rectified, functions, directions, readers, norms)


def lowered(graph: Graph) -> Rewritten:
    """The traced graph as it is quantized and exported.

    Scalars, and what norms end with, are folded into layers; lone batch norms and vectors over their lengths are one
    operator, and no RELU is without effect.
    """
    result = Rewritten(graph)
    for rewrite in _PASSES:
        result = rewrite.run(result)
    return result
