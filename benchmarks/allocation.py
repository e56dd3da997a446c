"""How good and how fast the choice of widths is, with the planner's own arenas and flash, under three limits at once.

    python benchmarks/allocation.py > benchmarks/results/allocation.txt

Damage curves are drawn at random, falling as widths grow. Small networks: every choice is enumerated, and the least
damage of those within flash, RAM and latency is the optimum. MobileNetV2 at 224x224: seconds of CPU on one thread for
the whole search, exact footprints included; the sensitivity pass, which damage curves come from, is not in it. One of
its kernels' costs was never measured: MACs stand in for its latency.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edgeprune.prune.widths.allocate import allocate
from tests import nets
from tests.width_problem import Problem, Residual, Sizes

SHARES = ((0.3, 0.3, 0.3), (0.5, 0.5, 0.2), (0.5, 0.6, 0.4), (0.7, 0.7, 0.5))  # of flash, RAM and latency
SEEDS = 4


def chain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 16, 3, 2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def separable() -> nn.Module:
    return nn.Sequential(
        nets.conv_bn(3, 12, 3, 2), nets.conv_bn(12, 12, 3, groups=12), nets.conv_bn(12, 24, 1),
        nets.conv_bn(24, 24, 3, 2, groups=24), nets.conv_bn(24, 16, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, 5),
    )  # fmt: skip


SMALL: Mapping[str, Callable[[], nn.Module]] = {"chain": chain, "residual": Residual, "separable": separable}


def small(name: str) -> None:
    worst, binding = 0.0, dict.fromkeys(("flash", "ram", "latency"), 0)
    sizes = Sizes(SMALL[name](), (3, 24, 24))
    for seed, shares in product(range(SEEDS), SHARES):
        problem = Problem(sizes, 2, seed)
        budget = problem.budget(*shares)
        result, best = allocate(problem.choices, problem.model, sizes.footprint, budget), problem.optimum(budget)
        assert result.footprint.fits(budget)
        worst = max(worst, result.damage / best - 1)
        for limit, ratio in result.footprint.excess(budget).items():
            binding[limit] += ratio > 0.9
    near = ", ".join(f"{limit} {count}" for limit, count in binding.items())
    print(
        f"{name:<12} {SEEDS * len(SHARES)} problems, {len(sizes.known):,} choices enumerated: at most "
        f"{100 * worst:.2f} % above the optimum; within 10 % of a limit: {near}",
        flush=True,
    )


def mobilenet() -> None:
    sizes = Sizes(nets.MobileNetV2(), (3, 224, 224))
    problem = Problem(sizes, 4, 0)
    for shares in SHARES:
        budget = problem.budget(*shares)
        sizes.known.clear()
        started = time.process_time()
        result = allocate(problem.choices, problem.model, sizes.footprint, budget)
        seconds = time.process_time() - started
        excess = ", ".join(f"{limit} {ratio:.1%}" for limit, ratio in result.footprint.excess(budget).items())
        print(
            f"MobileNetV2  {seconds:.1f} s, {len(sizes.known)} exact footprints, damage {result.damage:.2f}; "
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
