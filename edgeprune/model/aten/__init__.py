"""How each ATen operator becomes operators of the graph, as the TFLite converter would lower it."""

from edgeprune.model.aten import (  # noqa: F401  (each registers its family)
    activation,
    convolution,
    elementwise,
    join,
    linear,
    norm,
    pool,
    reduce,
    resize,
    shape,
)
from edgeprune.model.aten.table import TABLE as TABLE
