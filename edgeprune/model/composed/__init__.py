"""ATen operators written as others: what has no operator on a device, in terms of what has.

Each is the same function as the operator it stands for, over shapes that are known when the network is recorded.
"""

from edgeprune.model.composed import (  # noqa: F401  (each registers its own)
    arithmetic,
    fresh,
    movement,
    norms,
    pools,
    resampling,
)
from edgeprune.model.composed.table import COMPOSED as COMPOSED
