"""Channels put to silence: the thinned network's answer; channels masked: the gradient as if they were heard."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgeprune.model.trace import trace
from edgeprune.prune.gates import gated, straight_through
from edgeprune.prune.groups import find_groups
from edgeprune.prune.silence import silence
from edgeprune.prune.surgery import thin
from tests import nets

NETS = {
    "residual": (nets.ResNet8(), (3, 16, 16)),
    "depthwise": (nets.MobileNetV2(10, 0.25), (3, 32, 32)),
    "concatenated": (nets.DenseNet(), (3, 16, 16)),
}


@pytest.mark.parametrize("name", NETS)
def test_a_silenced_network_answers_as_the_thinned_one(name: str) -> None:
    net, shape = NETS[name]
    module = nets.as_trained(net)
    groups = find_groups(trace(module, (1, *shape)))
    keep = {group.name: list(range(0, group.size, 2)) for group in groups.groups}
    silent = copy.deepcopy(module)
    silence(silent, groups, keep)
    x = torch.randn(2, *shape)
    assert torch.allclose(silent(x), thin(silent, groups, keep)(x), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(silent(x), module(x), atol=1e-2)


def test_a_masked_filter_learns_as_if_it_were_heard() -> None:
    module = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False)).eval()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[2.0], [3.0]]))
        module[2].weight.copy_(torch.tensor([[5.0, 7.0]]))
    groups = find_groups(trace(module, (1, 1)))
    with gated(module, groups, lambda: {"0": torch.tensor([1.0, 0.0])}, straight_through):
        answer = module(torch.tensor([[1.5]]))
        answer.sum().backward()
    assert answer.item() == 5 * 2 * 1.5  # the second is not heard
    assert module[0].weight.grad.tolist() == [[5 * 1.5], [7 * 1.5]]  # and its filter's slope is the one it would have
    assert module[2].weight.grad.tolist() == [[2 * 1.5, 0]]
