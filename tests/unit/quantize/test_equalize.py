"""Equalization changes channels' sizes and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.tflite import channels_last, float_graph, sqnr_db
from edgeprune.ir import Graph, OpKind
from edgeprune.model.trace import trace
from edgeprune.quantize.channel_classes import channel_classes
from edgeprune.quantize.equalize import Equalized, equalized
from edgeprune.quantize.observe import Seen, observe
from edgeprune.quantize.runners import FloatRunner
from tests.random_modules import random_module

SHAPE = (1, 3, 9, 8)
LEAST_DB = 90.0  # float32's own rounding


class Joined(nn.Module):
    """What channels pass through between layers: sums, joins, gates, pools, pads, views."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.depthwise = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.body, self.gate = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.grouped, self.up = nn.Conv2d(16, 8, 3, groups=2), nn.ConvTranspose2d(8, 6, 2, 2)
        self.fc = nn.Linear(6 * 7 * 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        y = torch.relu(x + nn.functional.leaky_relu(self.body(nn.functional.relu6(self.depthwise(x))), 0.1))
        y = y * self.gate(y.mean((2, 3), keepdim=True))
        z = self.grouped(torch.cat([x, y], dim=1))
        return self.fc(nn.functional.max_pool2d(torch.relu(self.up(z)), 2).flatten(1))


def seen(module: nn.Module, shape: tuple[int, ...], count: int = 8) -> tuple[Graph, Seen]:
    graph = float_graph(trace(module, shape), module)
    samples = torch.randn(count, *shape[1:], generator=torch.Generator().manual_seed(2))
    return graph, observe(FloatRunner(graph), channels_last(samples))


def spread(module: nn.Module, decades: float = 2) -> nn.Module:
    """The channels that each layer makes of very different sizes."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                factors = torch.logspace(-decades / 2, decades / 2, layer.out_channels)[
                    torch.randperm(layer.out_channels)
                ]
                layer.weight.mul_(factors.view(-1, 1, 1, 1))
                if layer.bias is not None:
                    layer.bias.mul_(factors)
    return module.eval()


def assert_same_function(graph: Graph, before: Seen, changed: Equalized) -> None:
    """Outputs as before, and each activation times its factors."""
    after = observe(FloatRunner(changed.graph), before.samples)
    for wanted, got in zip(before.outputs, after.outputs, strict=True):
        assert not np.any(wanted) or sqnr_db(wanted, got) > LEAST_DB
    for index, one in before.observation.activations.items():
        reach = np.abs(one.rows).max(initial=1e-6) * changed.factors[index].max()
        expected = one.scaled(changed.factors[index])
        np.testing.assert_allclose(after.observation.activations[index].low, expected.low, atol=1e-4 * reach)
        np.testing.assert_allclose(after.observation.activations[index].high, expected.high, atol=1e-4 * reach)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_function_stays_and_activations_are_scaled(exponent: float) -> None:
    graph, before = seen(spread(Joined()), SHAPE)
    changed = equalized(graph, before.observation.activations, exponent)
    moved = [index for index, factors in changed.factors.items() if not np.allclose(factors, 1)]
    assert len(moved) >= 6
    assert_same_function(graph, before, changed)


@pytest.mark.parametrize("seed", range(12))
def test_the_function_of_random_networks_stays(seed: int) -> None:
    module, shape = random_module(seed)
    graph, before = seen(spread(module), shape, 4)
    assert_same_function(graph, before, equalized(graph, before.observation.activations, 0.75))


def test_channels_reach_equally_far_where_their_size_is_free() -> None:
    torch.manual_seed(0)
    module = spread(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten()), decades=1.2)
    graph, before = seen(module, SHAPE, 64)
    changed = equalized(graph, before.observation.activations, 1.0)
    between = graph.ops[0].outputs[0]
    own = before.observation.activations[between]
    assert own.likely_reach.max() / own.likely_reach.min() > 8
    scaled = own.scaled(changed.factors[between]).likely_reach
    assert scaled.max() / scaled.min() == pytest.approx(1, abs=0.01)


def test_inputs_outputs_and_what_is_not_homogeneous_keep_their_size() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.Sigmoid(), nn.Conv2d(8, 8, 1), nn.Tanh(), nn.Conv2d(8, 4, 3)]
    graph, before = seen(spread(nn.Sequential(*layers)), SHAPE)
    changed = equalized(graph, before.observation.activations, 1.0)
    assert all(np.all(factors == 1) for factors in changed.factors.values())


def test_what_reaches_six_stays_there() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6(), nn.Conv2d(8, 4, 3)).eval()
    with torch.no_grad():
        module[0].weight.mul_(torch.logspace(-1, 1.5, 8).view(-1, 1, 1, 1))
    graph, before = seen(module, SHAPE, 64)
    (clamped,) = channel_classes(graph).clamped
    changed = equalized(graph, before.observation.activations, 1.0)
    factors, high = changed.factors[clamped], before.observation.activations[clamped].high
    assert np.any(high == 6) and np.all(factors[high == 6] == 1)
    assert np.any(factors > 1.5) and np.all(factors * high <= 6)
    assert_same_function(graph, before, changed)


def test_channels_of_a_sum_share_their_factor() -> None:
    graph, before = seen(spread(Joined()), SHAPE)
    factors = equalized(graph, before.observation.activations, 0.5).factors
    for op in graph.ops:
        if op.kind is OpKind.ADD:
            np.testing.assert_array_equal(factors[op.inputs[0]], factors[op.inputs[1]])
            assert not np.allclose(factors[op.inputs[0]], 1)
