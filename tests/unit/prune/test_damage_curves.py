"""Damage is measured at the widths it is said to be, and interpolated between them without ever falling."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroup
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.reconstruct import Reconstruction
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.damage_curves import (
    Probe,
    class_distance,
    measure_damage_curves,
    possible_widths,
    value_distance,
)


@pytest.mark.parametrize(
    ("size", "multiple", "widths"),
    [
        (5, 1, (1, 2, 3, 4, 5)),
        (10, 4, (4, 8, 10)),
        (3, 4, (3,)),
        (64, 1, tuple(range(1, 65))),
        (65, 1, (*range(2, 65, 2), 65)),
        (600, 4, (*range(12, 600, 12), 600)),
    ],
)
def test_possible_widths(size: int, multiple: int, widths: tuple[int, ...]) -> None:
    group = ChannelGroup("g", size, (), ())
    assert possible_widths(group, multiple) == widths


def test_distances() -> None:
    same, other = torch.tensor([[0.0, 0.0]]), torch.tensor([[math.log(3.0), 0.0]])
    assert class_distance(same, same) == pytest.approx(0, abs=1e-7)
    # sum p log(p / q) of the original's p = (3/4, 1/4) against q = (1/2, 1/2)
    assert class_distance(same, other) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)
    was = torch.tensor([[0.0], [2.0], [4.0]])  # variance 4
    assert value_distance(was + 2, was) == pytest.approx(1.0)
    assert value_distance((was + 2, was), (was, was)) == pytest.approx(0.5)


def test_curves_pass_through_what_thinned_networks_lose() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    groups = find_groups(trace(module, (1, 6)))
    ranking = {group.name: list(range(group.size)) for group in groups.groups}
    probe, done = Probe(torch.randn(40, 6), value_distance), []
    with torch.no_grad():
        original = module(probe.samples)
        choices = measure_damage_curves(module, groups, ranking, 1, probe, done.append)
        assert done == [group.name for group in groups.groups] == [choice.group for choice in choices]
        for choice, group in zip(choices, groups.groups, strict=True):
            assert choice.widths == tuple(range(1, group.size + 1)) and choice.damage[-1] == 0
            assert list(choice.damage) == sorted(choice.damage, reverse=True)
            lost = {
                width: value_distance(
                    thin(module, groups, {group.name: list(range(width))})(probe.samples), original
                )
                for width in (group.size * 7 // 8, group.size // 2, group.size // 4, group.size // 8)
            }  # fmt: skip
            for width, own in lost.items():
                at_least = max(own, *(loss for wider, loss in lost.items() if wider >= width))
                assert choice.damage[width - 1] == pytest.approx(at_least, rel=1e-4)
    only = measure_damage_curves(module, groups, ranking, 1, probe, only=[groups.groups[1].name])
    assert [choice.group for choice in only] == [groups.groups[1].name]


def test_what_readers_can_make_up_for_is_no_damage() -> None:
    """Every second channel says what the one before it says: half of them can go once their reader is solved again."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4 * 16, 3)).eval()
    with torch.no_grad():
        module[0].weight[1::2] = module[0].weight[::2]
        module[0].bias[1::2] = module[0].bias[::2]
    groups, inputs = find_groups(trace(module, (1, 2, 8, 8))), torch.randn(96, 2, 8, 8)
    ranking = {group.name: [*range(0, group.size, 2), *range(1, group.size, 2)] for group in groups.groups}
    probe, solved = Probe(inputs, value_distance), Reconstruction(module, groups, inputs, rows=4_096)
    with torch.no_grad():
        plain = measure_damage_curves(module, groups, ranking, 1, probe)[0]
        recovered = measure_damage_curves(module, groups, ranking, 1, probe, recover=solved.apply_to_readers)[0]
    half = plain.widths.index(4)
    assert plain.damage[half] > 0.05 and recovered.damage[half] < 1e-6
    assert recovered.damage[0] <= plain.damage[0]
