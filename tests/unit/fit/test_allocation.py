"""Widths chosen with the planner's own arenas, flash and predicted latency, against every choice there is."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.budget import Budget
from edgeprune.cost.flash import EngineBaseline
from edgeprune.fitting.cost import WidthCost
from edgeprune.fitting.network import Network
from edgeprune.kernels.base import Optimize
from edgeprune.prune.allocate import GroupChoice, allocate
from edgeprune.prune.size_model import SizeModel
from edgeprune.target.registry import load_target


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 16, 3, padding=1)
        self.second, self.head = nn.Conv2d(16, 12, 3, padding=1), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.second(torch.relu(self.first(x)))).mean([2, 3]))


@pytest.fixture(scope="module")
def cost() -> tuple[Network, WidthCost]:
    network = Network.of(Residual().eval(), (3, 24, 24))
    baseline = EngineBaseline({"model": 0, "structs": 0}, data_bytes=2_000, stack_bytes=1_000)
    return network, WidthCost(network, load_target("cortex-m4"), Optimize.BALANCED, baseline)


# Shares of the way from the smallest to the full widths: all limits alike, latency the tightest, RAM the loosest.
@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.3), (0.5, 0.5, 0.2), (0.7, 0.9, 0.6)])
def test_the_least_damage_under_three_limits(cost: tuple[Network, WidthCost], shares: tuple[float, ...]) -> None:
    network, known = cost
    for seed in range(4):
        numbers, choices = np.random.default_rng(seed), []
        for group in network.groups.groups:
            widths = tuple(range(2, group.size + 1, 2))
            drops = np.sort(numbers.uniform(0, 1, len(widths) - 1))
            damage = tuple(float(drops[: len(widths) - 1 - place].sum()) for place in range(len(widths)))
            choices.append(GroupChoice(group.name, widths, damage))
        model = SizeModel(network.traced.graph, network.groups.extents, [choice.group for choice in choices])
        sizes = {
            places: known.footprint({c.group: c.widths[place] for c, place in zip(choices, places, strict=True)})
            for places in product(*(range(len(choice.widths)) for choice in choices))
        }
        least, full = min(sizes), max(sizes)
        ends = [(f.flash_bytes, f.ram_bytes, f.latency_us or 0.0) for f in (sizes[least], sizes[full])]
        limits = [low + share * (high - low) for share, low, high in zip(shares, *ends, strict=True)]
        budget = Budget(int(limits[0]), int(limits[1]), limits[2])
        best = min(
            sum(choice.damage[place] for choice, place in zip(choices, places, strict=True))
            for places, footprint in sizes.items()
            if footprint.fits(budget)
        )
        found = allocate(choices, model, known.footprint, budget)
        assert found.footprint.fits(budget)
        assert found.damage <= 1.01 * best
