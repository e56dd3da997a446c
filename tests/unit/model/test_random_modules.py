"""Random networks from their trace to the engine's bytes; thousands by `benchmarks/random_networks.py`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin
from tests.checked_module import check_module
from tests.random_modules import random_module

FEW, MANY = 10, 15


@pytest.mark.parametrize("seed", range(FEW))
def test_a_random_network(seed: int) -> None:
    check_module(*random_module(seed), seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_networks() -> None:
    for seed in range(10_000, 10_000 + MANY):
        try:
            check_module(*random_module(seed), seed)
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {fault}") from fault


@pytest.mark.parametrize("seed", [*range(FEW), 118, 190, 269, 381])
def test_a_random_network_can_be_thinned(seed: int) -> None:
    """With the constants of what is removed moved on: through views, joins and borders."""
    module, shape = random_module(seed)
    groups, rng = find_groups(trace(module, shape)), np.random.default_rng(seed)
    keep = {
        name: sorted(rng.permutation(size)[: rng.integers(1, size + 1)].tolist())
        for name, size in groups.full_widths.items()
    }
    image = torch.randn(2, *shape[1:])
    thinned = thin(module, groups, keep).eval()(image)
    assert thinned.shape == module(image).shape and torch.isfinite(thinned).all()
