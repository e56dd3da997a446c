"""Widths to choose under three limits at once, small enough that every choice can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import nn

from edgeprune.budget import Budget, Footprint, Optimize
from edgeprune.deploy.firmware.cost import WidthCost
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.hardware.registry import load_target
from edgeprune.prune.network import Network
from edgeprune.prune.widths.allocate import GroupChoice
from edgeprune.prune.widths.damage_curves import possible_widths
from edgeprune.prune.widths.size_model import SizeModel

BASELINE = EngineBaseline({"model": 0, "structs": 0}, data_bytes=2_000, stack_bytes=1_000)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 16, 3, padding=1)
        self.second, self.head = nn.Conv2d(16, 12, 3, padding=1), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.second(torch.relu(self.first(x)))).mean([2, 3]))


class Sizes:
    """A network's exact footprints, each worked out once. MACs stand in for a latency that was never measured."""

    def __init__(self, module: nn.Module, shape: tuple[int, ...]):
        self.network = Network.of(module.eval(), shape)
        self.known: dict[tuple[int, ...], Footprint] = {}
        self._cost = WidthCost(self.network, load_target("cortex-m4"), CompileOptions(Optimize.BALANCED), BASELINE)

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        key = tuple(widths[group.name] for group in self.network.groups.groups)
        if key not in self.known:
            exact = self._cost.footprint(widths)
            self.known[key] = exact if exact.latency_us is not None else replace(exact, latency_us=float(exact.macs))
        return self.known[key]


class Problem:
    """Damage curves drawn at random, falling as widths grow, for a network's groups."""

    def __init__(self, sizes: Sizes, multiple: int, seed: int):
        groups, numbers = sizes.network.groups, np.random.default_rng(seed)
        self.sizes = sizes
        self.choices = []
        for group in groups.groups:
            widths = possible_widths(group, multiple)
            drops = np.sort(numbers.uniform(0, 1, len(widths) - 1))
            damage = tuple(float(drops[: len(widths) - 1 - place].sum()) for place in range(len(widths)))
            self.choices.append(GroupChoice(group.name, widths, damage))
        self.model = SizeModel(sizes.network.traced.graph, groups.extents, [choice.group for choice in self.choices])

    def budget(self, flash: float, ram: float, latency: float) -> Budget:
        """Limits that lie at these shares of the way from the smallest to the full widths."""
        least, full = (
            self.sizes.footprint({choice.group: choice.widths[place] for choice in self.choices}) for place in (0, -1)
        )

        def at(share: float, low: float, high: float) -> float:
            return low + share * (high - low)

        return Budget(
            int(at(flash, least.flash_bytes, full.flash_bytes)),
            int(at(ram, least.ram_bytes, full.ram_bytes)),
            at(latency, least.latency_us or 0, full.latency_us or 0),
        )

    def optimum(self, budget: Budget) -> float:
        """The least damage of all choices within the limits."""
        return min(
            sum(choice.damage[place] for choice, place in zip(self.choices, places, strict=True))
            for places in product(*(range(len(choice.widths)) for choice in self.choices))
            if not self.sizes.footprint(
                {choice.group: choice.widths[place] for choice, place in zip(self.choices, places, strict=True)}
            ).exceeds(budget)
        )
