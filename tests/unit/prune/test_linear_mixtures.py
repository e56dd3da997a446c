"""Reduce and Reuse: mixtures by hand, and exact where a channel is a mixture."""

import torch
from torch import nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.linear_mixtures import mixtures, thin_with_mixtures
from edgeprune.prune.surgery.thin import thin
from tests import nets


def test_a_channel_is_taken_apart_into_those_that_stay():
    one, two = torch.tensor([1.0, -1.0, 1.0, -1.0]), torch.tensor([2.0, 2.0, -2.0, -2.0])
    maps = torch.stack([one, 3 * one - 0.5 * two + 7.0, two])
    torch.testing.assert_close(mixtures(maps, [0, 2], [1]), torch.tensor([[3.0, -0.5]]), rtol=1e-4, atol=1e-4)


def test_mixtures_of_others_can_go_without_a_trace():
    """No activation between the layers, so channels 2 and 3 are mixtures of 0 and 1 wherever they are read."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 5, 3, bias=False)
    module = nn.Sequential(first, second).eval()
    groups = find_groups(trace(module, (1, 2, 8, 8)))
    x = torch.randn(16, 2, 8, 8)
    keep = {"0": [0, 1]}
    torch.testing.assert_close(thin_with_mixtures(module, groups, keep, [x])(x), module(x), rtol=1e-3, atol=1e-4)
    assert (thin(module, groups, keep)(x) - module(x)).abs().max() > 0.1


def test_real_networks_come_nearer_to_the_original_and_stay_as_they_are():
    torch.manual_seed(1)
    module = nets.ResNet8(width=8).train()
    with torch.no_grad():
        for _ in range(10):
            module(torch.randn(32, 3, 16, 16))
    module.eval()
    groups = find_groups(trace(module, (1, 3, 16, 16)))
    keep = {group.name: range(group.size * 3 // 4) for group in groups.groups}
    x, unseen = torch.randn(96, 3, 16, 16), torch.randn(32, 3, 16, 16)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        distance = [
            (thinned(unseen) - module(unseen)).square().mean()
            for thinned in (thin(module, groups, keep), thin_with_mixtures(module, groups, keep, x.split(32)))
        ]
    assert distance[1] < distance[0]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
