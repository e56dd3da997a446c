"""Least-squares recovery: exact where it can be, and what it brings back on trained digits."""

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.ir import Activation
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.least_squares import fit_layers
from edgeprune.prune.recovery.reconstruct import reconstruct
from edgeprune.prune.scoring.layers import patches, plain_layers, positions_of
from edgeprune.prune.surgery.thin import thin
from tests import nets


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, stride=2, padding=1), (4, 9, 8)),
        (nn.Conv2d(4, 6, (3, 2), padding=(2, 0), dilation=(2, 1), groups=2, bias=False), (4, 9, 8)),
        (nn.Conv2d(4, 4, 3, groups=4), (4, 9, 8)),
        (nn.Conv1d(4, 6, 3, stride=2, padding=1), (4, 11)),
        (nn.Linear(12, 5), (12,)),
    ],
)
def test_patches_times_weights_are_the_layers_output(layer, shape):
    module = nn.Sequential(layer)
    (found,) = plain_layers(module, trace(module, (1, *shape)))
    x = torch.randn(3, *shape)
    height, width = positions_of(found, x)
    picked = torch.arange(height * width)
    rows = patches(found, x, picked)
    weight = found.weight_rows().reshape(found.groups, -1, rows.shape[2])
    scale, shift = found.affine()
    got = (rows @ weight.transpose(1, 2)).transpose(0, 1).flatten(1) * scale + shift
    expected = layer(x)
    expected = expected if isinstance(layer, nn.Linear) else expected.flatten(2).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(got, expected)


def test_channels_that_are_equal_can_be_rebuilt_exactly():
    """Each channel twice: half of them carry everything, and least squares must find the doubled weights."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 5, 3, padding=1)
    with torch.no_grad():
        first.weight[4:] = first.weight[:4] * torch.tensor([1.0, 0.5, 2.0, 1.5])[:, None, None, None]
        first.bias[4:] = first.bias[:4] * torch.tensor([1.0, 0.5, 2.0, 1.5])
    module = nn.Sequential(first, nn.ReLU(), second).eval()
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    keep = {"0": range(4)}
    thinned = thin(module, groups, keep)
    x = torch.randn(32, 3, 8, 8)
    unseen = torch.randn(8, 3, 8, 8)
    before = (thinned(unseen) - module(unseen)).square().mean()
    reconstruct(thinned, module, groups, keep, x)
    after = (thinned(unseen) - module(unseen)).square().mean()
    assert after < 1e-4 * before


class Sum(nn.Module):
    """A block's input and two branches added, one of them read elsewhere too."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.a, self.b = nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.Conv2d(12, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        return self.out(torch.relu(x + self.norm(self.b(torch.relu(self.a(x))))))


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (Sum, (3, 10, 10)),
        (lambda: nets.ResNet8(width=8), (3, 16, 16)),
        (lambda: nets.MobileNetV2(10, 0.25), (3, 32, 32)),
        (lambda: nets.DenseNet(), (3, 16, 16)),
        (lambda: nets.UNet(4), (1, 16, 16)),
        (lambda: nets.Autoencoder(16, 12, 4), (16,)),
    ],
)
def test_it_brings_networks_of_all_kinds_nearer_to_the_original(build, shape):
    torch.manual_seed(1)
    module = build()
    module.train()
    with torch.no_grad():  # batch norms that know their inputs, as after training
        for _ in range(20):
            module(torch.randn(32, *shape))
    module.eval()
    groups = find_groups(trace(module, (1, *shape)))
    keep = {group.name: range(0, max(1, group.size * 3 // 4)) for group in groups.groups}
    x, unseen = torch.randn(192, *shape), torch.randn(32, *shape)
    thinned = thin(module, groups, keep)
    with torch.no_grad():
        before = (thinned(unseen) - module(unseen)).square().mean()
        state = {name: value.clone() for name, value in module.state_dict().items()}
        reconstruct(thinned, module, groups, keep, x)
        after = (thinned(unseen) - module(unseen)).square().mean()
    assert after < 0.9 * before
    assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())


def test_without_removal_nothing_changes():
    torch.manual_seed(0)
    module = nets.as_trained(nets.ResNet8(width=4))
    groups = find_groups(trace(module, (1, 3, 16, 16)))
    keep = {group.name: range(group.size) for group in groups.groups}
    same = thin(module, groups, keep)
    x = torch.randn(64, 3, 16, 16)
    reconstruct(same, module, groups, keep, x)
    torch.testing.assert_close(same(x[:8]), module(x[:8]), rtol=1e-2, atol=1e-2)


def test_no_samples_are_refused():
    module = nets.ResNet8(width=4).eval()
    groups = find_groups(trace(module, (1, 3, 16, 16)))
    with pytest.raises(DataError, match="no samples to reconstruct"):
        reconstruct(thin(module, groups, {}), module, groups, {}, torch.zeros(0, 3, 16, 16))


@pytest.mark.parametrize(
    ("activation", "bend"),
    [(Activation.RELU, torch.relu), (Activation.RELU6, lambda x: x.clamp(0, 6))],
)
def test_only_what_passes_the_activation_counts(activation, bend):
    """Where the activation hides it the original's values are arbitrary, and must not affect the weights."""
    torch.manual_seed(0)
    full = torch.randn(600, 6)
    wished = full @ torch.randn(6, 5) * 2.0
    wished = torch.where(wished < 0, -20 * torch.rand(600, 5), wished)
    if activation is Activation.RELU6:
        wished = torch.where(wished > 6, 6 + 20 * torch.rand(600, 5), wished)
    beside = torch.randn(600, 5)
    losses = []
    for assumed in (Activation.NONE, activation):
        module = nn.Sequential(nn.Linear(6, 5))
        (layer,) = plain_layers(module, trace(module, (1, 6)))
        fit_layers([layer], [full[None]], wished - beside, beside, assumed)
        losses.append((bend(module(full) + beside) - bend(wished)).square().mean())
    assert losses[1] < 0.8 * losses[0]
