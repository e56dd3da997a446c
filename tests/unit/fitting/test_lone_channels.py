"""A group that thinning left one channel of costs one channel."""

from __future__ import annotations

import torch
from torch import nn

from edgeprune.fitting.lone_channels import knowing_lone_channels
from edgeprune.prune.network import Network
from edgeprune.prune.surgery.thin import thin
from tests.unit.fitting.memory_deployment import MemoryCost


def chain() -> Network:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3)]
    return Network.of(nn.Sequential(*layers), (2, 8, 8))


def test_a_group_of_one_channel_costs_one_channel() -> None:
    whole = chain()
    (first, second), cost = whole.widths, MemoryCost(whole)
    keep = {first: [0], second: [0, 1, 2]}
    thinned = Network.of(thin(whole.module, whole.groups, keep), (2, 8, 8))
    assert list(thinned.widths) == [second]  # nothing couples where there is one
    known = knowing_lone_channels(cost, whole, thinned)
    assert known.footprint(thinned.widths) == cost.footprint({first: 1, second: 3})
    assert known.corrected(thinned.widths).footprint({second: 2}) == cost.footprint({first: 1, second: 2})
    assert known.measured(cost.footprint(whole.widths)).footprint({second: 2}) == cost.footprint({first: 1, second: 2})
    assert known.of(thinned).footprint(thinned.widths) == MemoryCost(thinned).footprint(thinned.widths)


def test_costs_stay_where_every_group_stays() -> None:
    whole = chain()
    first, second = whole.widths
    thinned = Network.of(thin(whole.module, whole.groups, {first: [0, 1], second: [0, 1]}), (2, 8, 8))
    cost = MemoryCost(whole)
    assert knowing_lone_channels(cost, whole, thinned) is cost
