"""What is said to be never negative is not, in random networks; and what must be known of the usual ones is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.tflite import channels_last, float_graph
from edgeprune.ir import OpKind, never_negative
from edgeprune.model.trace import trace
from edgeprune.quantize.runners import FloatRunner
from tests.random_modules import random_module


@pytest.mark.parametrize("seed", range(20))
def test_no_sample_makes_it_negative(seed: int) -> None:
    module, shape = random_module(seed)
    graph = float_graph(trace(module, shape), module)
    runner, known = FloatRunner(graph), never_negative(graph)
    for sample in channels_last(3 * torch.randn(4, *shape[1:])):
        read = runner.run((sample[None],))
        assert all(read(index).min() >= 0 for index in known)


def test_known_of_pools_joins_and_sums_behind_relus() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = (nn.Conv2d(4, 4, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.one(x))
            x = nn.functional.max_pool2d(x, 2) + nn.functional.avg_pool2d(torch.relu(self.two(x)), 2)
            return torch.cat([x, self.three(x)], 1).mean((2, 3)) * x.amax((2, 3)).amax(1, keepdim=True)

    module = Net().eval()
    graph = float_graph(trace(module, (1, 4, 8, 8)), module)
    known = never_negative(graph)
    negative = [op.name for op in graph.ops if op.outputs[0] not in known]
    assert negative == ["three", "cat", "mean", "mul"]


def test_a_relu_without_effect_goes_before_anything_is_quantized() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(4, 2, 1)).eval()
    graph = float_graph(trace(module, (1, 3, 8, 8)), module)
    assert [op.kind for op in graph.ops] == [OpKind.CONV_2D, OpKind.MAX_POOL_2D, OpKind.CONV_2D]
    image = torch.randn(1, 3, 8, 8)
    runner = FloatRunner(graph)
    got = runner.run((channels_last(image),))(graph.outputs[0])
    with torch.no_grad():
        np.testing.assert_allclose(np.moveaxis(got, -1, 1), module(image).numpy(), atol=1e-5)
