"""How good and how fast the choice of widths is, with the planner's own arenas and flash, under three limits at once.

    python benchmarks/allocation.py > benchmarks/allocation.txt

Damage curves are drawn at random, falling as widths grow. Small networks: every choice is enumerated, and the least
damage of those within flash, RAM and latency is the optimum. MobileNetV2 at 224x224: seconds of CPU on one thread for
the whole search, exact footprints included; the sensitivity pass, which damage curves come from, is not in it. One of
its kernels' costs was never measured: MACs stand in for its latency.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edgeprune.budget import Budget, Footprint
from edgeprune.cost.flash import EngineBaseline
from edgeprune.fitting.cost import WidthCost
from edgeprune.fitting.network import Network
from edgeprune.kernels.base import Optimize
from edgeprune.prune.allocate import GroupChoice, allocate
from edgeprune.prune.sensitivity import possible_widths
from edgeprune.prune.size_model import SizeModel
from edgeprune.target.registry import load_target
from tests import nets

BASELINE = EngineBaseline({"model": 0, "structs": 0}, data_bytes=2_000, stack_bytes=1_000)
SHARES = ((0.3, 0.3, 0.3), (0.5, 0.5, 0.2), (0.5, 0.6, 0.4), (0.7, 0.7, 0.5))  # of flash, RAM and latency
SEEDS = 4


def chain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(12, 16, 3, padding=1)
        self.second, self.head = nn.Conv2d(16, 12, 3, padding=1), nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.second(torch.relu(self.first(x)))).mean([2, 3]))


def separable() -> nn.Module:
    return nn.Sequential(
        nets.conv_bn(3, 12, 3, 2), nets.conv_bn(12, 12, 3, groups=12), nets.conv_bn(12, 24, 1),
        nets.conv_bn(24, 24, 3, 2, groups=24), nets.conv_bn(24, 16, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, 5),
    )  # fmt: skip


SMALL: Mapping[str, Callable[[], nn.Module]] = {"chain": chain, "residual": Block, "separable": separable}


class Problem:
    """A network, damage curves and what its widths cost."""

    def __init__(self, module: nn.Module, shape: tuple[int, ...], multiple: int, seed: int):
        self.network = Network.of(module.eval(), shape)
        groups = self.network.groups
        cost = WidthCost(self.network, load_target("cortex-m4"), Optimize.BALANCED, BASELINE)
        numbers = np.random.default_rng(seed)
        self.choices = []
        for group in groups.groups:
            widths = possible_widths(group, multiple)
            drops = np.sort(numbers.uniform(0, 1, len(widths) - 1))
            damage = tuple(float(drops[: len(widths) - 1 - place].sum()) for place in range(len(widths)))
            self.choices.append(GroupChoice(group.name, widths, damage))
        self.model = SizeModel(self.network.traced.graph, groups.extents, [choice.group for choice in self.choices])
        self.known: dict[tuple[int, ...], Footprint] = {}
        self.cost = cost

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        key = tuple(widths[choice.group] for choice in self.choices)
        if key not in self.known:
            found = self.cost.footprint(widths)
            self.known[key] = found if found.latency_us is not None else replace(found, latency_us=float(found.macs))
        return self.known[key]

    def budget(self, flash: float, ram: float, latency: float) -> Budget:
        """Limits that lie at these shares of the way from the smallest to the full widths."""
        least, full = (
            self.footprint({choice.group: choice.widths[place] for choice in self.choices}) for place in (0, -1)
        )

        def at(share: float, low: float, high: float) -> float:
            return low + share * (high - low)

        return Budget(
            int(at(flash, least.flash_bytes, full.flash_bytes)),
            int(at(ram, least.ram_bytes, full.ram_bytes)),
            at(latency, least.latency_us or 0, full.latency_us or 0),
        )

    def optimum(self, budget: Budget) -> float:
        return min(
            sum(choice.damage[place] for choice, place in zip(self.choices, places, strict=True))
            for places in product(*(range(len(choice.widths)) for choice in self.choices))
            if self.footprint(
                {choice.group: choice.widths[place] for choice, place in zip(self.choices, places, strict=True)}
            ).fits(budget)
        )


def small(name: str) -> None:
    worst, binding = 0.0, dict.fromkeys(("flash", "ram", "latency"), 0)
    known: dict[tuple[int, ...], Footprint] = {}
    for seed, shares in product(range(SEEDS), SHARES):
        problem = Problem(SMALL[name](), (3, 24, 24), 2, seed)
        problem.known = known  # damage differs from seed to seed, sizes do not
        budget = problem.budget(*shares)
        found, best = allocate(problem.choices, problem.model, problem.footprint, budget), problem.optimum(budget)
        assert found.footprint.fits(budget)
        worst = max(worst, found.damage / best - 1)
        for limit, ratio in found.footprint.excess(budget).items():
            binding[limit] += ratio > 0.9
    near = ", ".join(f"{limit} {count}" for limit, count in binding.items())
    print(
        f"{name:<12} {SEEDS * len(SHARES)} problems, {len(known):,} choices enumerated: at most {100 * worst:.2f} % "
        f"above the optimum; within 10 % of a limit: {near}",
        flush=True,
    )


def mobilenet() -> None:
    problem = Problem(nets.MobileNetV2(), (3, 224, 224), 4, 0)
    for shares in SHARES:
        budget = problem.budget(*shares)
        problem.known.clear()
        started = time.process_time()
        found = allocate(problem.choices, problem.model, problem.footprint, budget)
        seconds = time.process_time() - started
        excess = ", ".join(f"{limit} {ratio:.1%}" for limit, ratio in found.footprint.excess(budget).items())
        print(
            f"MobileNetV2  {seconds:.1f} s, {len(problem.known)} exact footprints, damage {found.damage:.2f}; "
            f"of the limits: {excess}",
            flush=True,
        )


def main() -> int:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, latency predicted for cortex-m4")
    for name in SMALL:
        small(name)
    mobilenet()
    return 0


if __name__ == "__main__":
    sys.exit(main())
