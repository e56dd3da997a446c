"""Weights that forward() reads in several ways: with and without a bias, transposed, computed with, reshaped."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.errors import EdgePruneError
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.network import Network
from edgeprune.prune.recovery.reconstruct import reconstruct
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.prune.scoring.layers import plain_layers
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.prune.surgery.thin import apply_widths, thin, widths_of, zeroed

SEEDS = range(40)

Use = Callable[["Shared", Tensor], Tensor]


class Shared(nn.Module):
    """A chain in which one weight is read again and again, in the ways of `forth` and `back` in turn."""

    def __init__(self, seed: int):
        super().__init__()
        self.random = random.Random(seed)
        torch.manual_seed(seed)
        self.first = nn.Linear(5, 6, bias=self.random.random() < 0.5)
        self.layer = nn.Linear(6, 10, bias=self.random.random() < 0.5)
        self.wide, self.narrow = nn.Parameter(torch.randn(10)), nn.Parameter(torch.randn(6))
        self.part, self.flat = nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(60))
        self.norm = nn.BatchNorm1d(10)
        ways = [(FORTH, BACK)[place % 2] for place in range(self.random.randint(2, 5))]
        self.plan = [self.random.choice(list(way)) for way in ways]
        self.last = nn.Linear((10, 6)[(len(self.plan) + 1) % 2], 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        for use in self.plan:
            x = torch.sigmoid((FORTH | BACK)[use](self, x))
        return self.last(x)


FORTH: dict[str, Use] = {
    "the layer": lambda net, x: net.layer(x),
    "the layer and a norm": lambda net, x: net.norm(net.layer(x)),
    "no bias": lambda net, x: functional.linear(x, net.layer.weight),
    "its own bias": lambda net, x: functional.linear(x, net.layer.weight, net.layer.bias),
    "another bias": lambda net, x: functional.linear(x, net.layer.weight, net.wide),
    "a computed bias": lambda net, x: functional.linear(x, net.layer.weight, net.wide * 2),
    "a joined bias": lambda net, x: functional.linear(x, net.layer.weight, torch.cat([net.part, net.part])),
    "a computed weight": lambda net, x: functional.linear(x, net.layer.weight * 2),
    "another shape": lambda net, x: functional.linear(x, net.flat.view(10, 6), net.wide),
    "made in forward": lambda net, x: functional.linear(x, torch.ones(10, 6), net.wide),
    "a product": lambda net, x: x @ net.layer.weight.t(),
}
BACK: dict[str, Use] = {
    "transposed": lambda net, x: functional.linear(x, net.layer.weight.t()),
    "transposed and a bias": lambda net, x: functional.linear(x, net.layer.weight.t(), net.narrow),
    "a transposed product": lambda net, x: x @ net.layer.weight,
}


class SharedFilters(nn.Module):
    """The same with convolutions: with the layer's bias, without one, and transposed both ways."""

    def __init__(self, bias: bool):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.layer = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1, bias=bias)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x, weight = torch.relu(self.first(x)), self.layer.weight
        x = torch.sigmoid(functional.conv_transpose2d(torch.sigmoid(self.layer(x)), weight, padding=1))
        x = torch.sigmoid(functional.conv2d(x, weight, padding=1))
        return self.last(functional.conv2d(x, weight.transpose(0, 1), padding=1).mean((2, 3)))


def checked(module: nn.Module, shape: tuple[int, ...], seed: int) -> int:
    """Thins at random, in every form there is; how many groups there were."""
    random_ = random.Random(seed)
    groups = find_groups(trace(module, (1, *shape)))
    keep = {g.name: sorted(random_.sample(range(g.size), random_.randint(1, g.size))) for g in groups.groups}
    x = torch.randn(16, *shape)
    thinned, twin = thin(module, groups, keep), zeroed(module, groups, keep)
    with torch.no_grad():
        torch.testing.assert_close(thinned(x), twin(x), atol=1e-5, rtol=1e-5)
        widths = widths_of(thinned.state_dict(), groups)
        assert widths == {name: len(units) for name, units in keep.items()}
        rebuilt = apply_widths(module, groups, widths).eval()
        rebuilt.load_state_dict(thinned.state_dict())
        torch.testing.assert_close(rebuilt(x), thinned(x))
    rank_channels(module, groups, "l2", x, torch.zeros(16, dtype=torch.long), functional.cross_entropy)
    solved = copy.deepcopy(thinned)
    reconstruct(solved, module, groups, keep, x)
    with torch.no_grad():
        before, after = ((other(x) - module(x)).square().mean() for other in (thinned, solved))
    assert after <= before * 1.5 + 1e-6
    return len(groups.groups)


@pytest.mark.parametrize("seed", SEEDS)
def test_however_a_weight_is_read_the_thinned_network_is_the_zeroed_one(seed: int) -> None:
    checked(Shared(seed).eval(), (5,), seed)


def test_most_of_those_networks_can_be_thinned() -> None:
    found = [find_groups(trace(Shared(seed).eval(), (1, 5))).groups for seed in SEEDS]
    assert sum(map(bool, found)) > len(SEEDS) // 2


@pytest.mark.parametrize("bias", [True, False])
def test_filters_with_a_bias_without_one_and_transposed(bias: bool) -> None:
    assert checked(SharedFilters(bias).eval(), (2, 9, 9), 0) == 2


def test_what_is_computed_with_keeps_its_shape_wherever_it_is_read() -> None:
    net = Shared(0).eval()
    net.plan, net.last = ["the layer", "transposed", "a computed weight"], nn.Linear(10, 3)
    groups = find_groups(trace(net, (1, 5)))
    assert groups.groups == ()
    assert any("layer.weight is also computed with, at" in frozen.reason for frozen in groups.frozen)


def test_only_a_layer_that_is_called_once_and_read_nowhere_else_is_plain() -> None:
    net = Shared(0).eval()
    net.plan, net.last = ["the layer", "transposed"], nn.Linear(6, 3)
    assert [layer.op.name for layer in plain_layers(net, trace(net, (1, 5)))] == ["first", "last"]


@pytest.mark.parametrize("criterion", sorted(CRITERIA.all()))
def test_each_criterion_scores_the_channels_or_refuses_in_words(criterion: str) -> None:
    for seed in range(6):
        net = Shared(seed).eval()
        groups = find_groups(trace(net, (1, 5)))
        try:
            ranking = rank_channels(
                net, groups, criterion, torch.randn(32, 5), torch.arange(32) % 3, functional.cross_entropy
            )
        except EdgePruneError as refusal:
            assert refusal.hint
        else:
            assert {name: len(units) for name, units in ranking.items()} == groups.full_widths


def test_a_layer_called_at_two_scales_is_scored_on_both() -> None:
    class TwoScales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.mix = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
            self.wide, self.last = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.stem(x))
            small = functional.max_pool2d(x, 2)
            parts = [self.mix(x).mean((2, 3)), self.mix(small).amax((2, 3))]
            return self.last(torch.cat([*parts, self.wide(x).mean((2, 3))[:, :4]], 1))

    net = TwoScales().eval()
    groups = find_groups(trace(net, (1, 1, 8, 8)))
    for criterion in ("entropy", "taylor-maps"):
        rank_channels(net, groups, criterion, torch.rand(8, 1, 8, 8), torch.arange(8) % 3, functional.cross_entropy)


class TwoNames(nn.Module):
    """A layer that is an attribute and stands in a list as well, and one that evaluation mode has no use for."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.spread = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 4)
        self.net = nn.Sequential(self.conv, nn.ReLU())
        self.head = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        features = self.net(image).mean((2, 3))
        spread = self.spread(features)
        return self.head(features + spread.mean() if self.training else features)


def test_a_layer_under_two_names_is_kept_and_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = Network.of(TwoNames(), (3, 6, 6)), Network.of(TwoNames(), (3, 6, 6))
    network.save(tmp_path)
    images = torch.randn(2, 3, 6, 6)
    assert torch.equal(other.load_thinned(tmp_path, (3, 6, 6)).module(images), network.module(images))


def test_layers_that_only_training_uses_keep_fitting() -> None:
    torch.manual_seed(0)
    network = Network.of(TwoNames(), (3, 6, 6))
    assert {group.name: group.size for group in network.groups.groups} == {"conv": 8}
    thinned = thin(network.module, network.groups, {"conv": [0, 3, 5]})
    assert thinned.get_submodule("spread").weight.shape == (4, 3)
    for mode in (True, False):
        thinned.train(mode)(torch.randn(2, 3, 6, 6))
    held = [(one.layer, one.reason) for one in network.groups.frozen]
    assert ("head", "spread, which only training uses, may be joined to it") in held


class Residual(nn.Module):
    """Blocks that pass something on, which nothing reads behind the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.gates, self.on, self.skips = (nn.ModuleList(nn.Linear(8, 8) for _ in range(3)) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x, total = self.first(x), 0
        for gate, on, skip in zip(self.gates, self.on, self.skips, strict=True):
            hidden = torch.tanh(gate(x))
            x, total = x + on(hidden), total + skip(hidden)
        return self.head(total)


def test_what_the_last_block_passes_on_is_thinned_with_the_others() -> None:
    network = Network.of(Residual(), (6,))
    sizes = {group.name: group.size for group in network.groups.groups}
    assert sizes == {"first": 8, "gates.0": 8, "skips.0": 8, "gates.1": 8, "gates.2": 8}
    thinned = thin(network.module, network.groups, {name: range(5) for name in sizes})
    assert thinned(torch.randn(2, 6)).shape == (2, 3)
