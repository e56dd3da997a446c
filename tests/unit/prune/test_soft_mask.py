"""Channels put to soft_mask: the thinned network's answer, and which of them can learn again."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.soft_mask import ALL, FILTERS, soft_mask
from edgeprune.prune.surgery.thin import thin
from tests import nets

NETS = {
    "residual": (nets.ResNet8(), (3, 16, 16)),
    "depthwise": (nets.MobileNetV2(10, 0.25), (3, 32, 32)),
    "concatenated": (nets.DenseNet(), (3, 16, 16)),
}


@pytest.mark.parametrize("name", NETS)
def test_a_soft_masked_network_computes_the_same_as_the_thinned_one(name: str) -> None:
    net, shape = NETS[name]
    module = nets.as_trained(net)
    groups = find_groups(trace(module, (1, *shape)))
    keep = {group.name: list(range(0, group.size, 2)) for group in groups.groups}
    masked = copy.deepcopy(module)
    soft_mask(masked, groups, keep)
    x = torch.randn(2, *shape)
    assert torch.allclose(masked(x), thin(masked, groups, keep)(x), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(masked(x), module(x), atol=1e-2)


def test_only_a_filter_put_to_zero_under_a_batch_norm_learns_again() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    torch.nn.init.constant_(module[1].bias, 0.5)
    groups = find_groups(trace(module.eval(), (1, 1, 8, 8)))
    for roles, learns in ((FILTERS, True), (ALL, False)):
        masked = copy.deepcopy(module)
        soft_mask(masked, groups, {"0": [0, 1]}, roles)
        assert masked.get_parameter("0.weight")[2:].abs().max() == 0
        masked.train()(torch.randn(8, 1, 8, 8)).square().sum().backward()
        assert bool(masked.get_parameter("0.weight").grad[2:].abs().max() > 0) is learns
