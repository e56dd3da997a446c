"""How each ATen operator becomes operators of the graph, one file per family."""

from edgeprune.model.aten import (  # noqa: F401  (each registers its family)
    activation,
    choice,
    convolution,
    elementwise,
    embedding,
    functions,
    join,
    linear,
    norm,
    pad,
    pool,
    reduce,
    resize,
    shape,
)
from edgeprune.model.aten.table import TABLE as TABLE
