"""Masks are drawn with the odds they are said to have."""

from __future__ import annotations

import pytest
import torch

from edgeprune.prune.masks.randomized import drawn


@pytest.mark.parametrize(("values", "odds"), [((1.0, 3.0), 0.75), ((-4.0, 1.0), 0.2), ((2.0, 2.0), 0.5)])
def test_one_of_two_by_magnitude(values: tuple[float, float], odds: float) -> None:
    """2,000 draws: five standard errors are 0.06."""
    generator = torch.Generator().manual_seed(1)
    masks = torch.stack([drawn(torch.tensor([values]), generator) for _ in range(2000)])
    assert masks.shape == (2000, 1, 2) and bool((masks.sum(dim=(1, 2)) == 1).all())
    assert float(masks[:, 0, 1].float().mean()) == pytest.approx(odds, abs=0.06)


def test_half_of_many() -> None:
    mask = drawn(torch.randn(5, 7, generator=torch.Generator().manual_seed(3)), torch.Generator().manual_seed(4))
    assert mask.shape == (5, 7) and int(mask.sum()) == 17


def test_one_of_three_by_magnitude() -> None:
    """4 of 4 + 1 + 1; keys that leaned the other way would draw it 0.71 of the time. Five standard errors are 0.022."""
    generator = torch.Generator().manual_seed(2)
    masks = torch.stack([drawn(torch.tensor([1.0, 1.0, 4.0]), generator) for _ in range(12_000)])
    assert float(masks[:, 2].float().mean()) == pytest.approx(4 / 6, abs=0.022)
