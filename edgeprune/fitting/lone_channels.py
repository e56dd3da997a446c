"""Costs by the widths of a thinned network, which no longer names groups that one channel is left of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.budget import Footprint
from edgeprune.deploy.protocol import Cost, MaskCost
from edgeprune.prune.network import Network


@dataclass(frozen=True)
class LoneChannels:
    """`cost` of a network (`Cost` of `deploy/protocol.py`); lone: its groups that thinning left one channel of, 1 each.

    Nothing couples channels where there is one, so the thinned network has no such groups; costs of the network it came
    from would take a group that is not named for whole.
    """

    cost: Cost
    lone: Mapping[str, int]

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        return self.cost.footprint({**self.lone, **widths})

    def corrected(self, widths: Mapping[str, int]) -> LoneChannels:
        return replace(self, cost=self.cost.corrected({**self.lone, **widths}))

    def measured(self, footprint: Footprint) -> LoneChannels:
        return replace(self, cost=self.cost.measured(footprint))

    def of(self, network: Network) -> Cost:
        """Of another network, whose groups are its own."""
        return self.cost.of(network)

    def masks(self, synthetic: Callable[[np.ndarray], np.ndarray]) -> MaskCost:
        return self.cost.masks(synthetic)


def knowing_lone_channels(cost: Cost, before: Network, thinned: Network) -> Cost:
    """The costs, as they are where every group of `before` is one of `thinned`, too."""
    lone = {name: 1 for name in before.widths if name not in thinned.widths}
    return LoneChannels(cost, lone) if lone else cost
