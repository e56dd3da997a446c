"""Widths chosen with the planner's own arenas, flash and predicted latency, against every choice there is."""

import pytest

from edgeprune.prune.widths.allocate import allocate
from tests.width_problem import Problem, Residual, Sizes


@pytest.fixture(scope="module")
def sizes() -> Sizes:
    return Sizes(Residual(), (3, 24, 24))


# Shares of the way from the smallest to the full widths: all limits alike, latency the tightest, RAM the loosest.
@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.3), (0.5, 0.5, 0.2), (0.7, 0.9, 0.6)])
@pytest.mark.parametrize("seed", range(4))
def test_the_least_damage_under_three_limits(sizes: Sizes, shares: tuple[float, float, float], seed: int) -> None:
    problem = Problem(sizes, multiple=2, seed=seed)
    assert all(choice.widths[0] == 2 for choice in problem.choices)
    budget = problem.budget(*shares)
    result = allocate(problem.choices, problem.model, sizes.footprint, budget)
    assert not result.footprint.exceeds(budget)
    assert result.damage <= 1.01 * problem.optimum(budget)
