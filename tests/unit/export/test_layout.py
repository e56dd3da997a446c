from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.layout import spare_transposes


class Ends(nn.Module):
    """A convolution, then one of the ends of a network."""

    def __init__(self, end: str):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act, self.fc = nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.3), nn.Linear(4 * 5 * 6, 2)
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.end == "leaky":
            return self.act(x)
        if self.end.startswith("mean"):
            return x.mean((-1, 2), keepdim=self.end == "mean kept")
        return self.fc(x.view(x.size(0), -1) if self.end == "view" else torch.flatten(x, 1))


@pytest.mark.parametrize(
    ("end", "gone", "there"),
    [
        ("leaky", "leaky_relu", "maximum"),
        ("mean", "mean", "adaptive_avg_pool2d"),
        ("mean kept", "mean", "adaptive_avg_pool2d"),
        ("view", "view", "permute"),
        ("flatten", "", "permute"),
    ],
)
def test_the_answer_stays_the_same(end: str, gone: str, there: str) -> None:
    net, example = Ends(end).eval(), torch.randn(1, 3, 7, 8)
    module = torch.export.export(net, (example,)).module(check_guards=False)
    spare_transposes(module)
    calls = {str(node.target).split(".")[1] for node in module.graph.nodes if node.op == "call_function"}
    assert there in calls and gone not in calls
    assert torch.allclose(module(example), net(example), atol=1e-6)


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_leaky_relu_with_any_slope_up_to_one(slope: float) -> None:
    net, example = nn.LeakyReLU(slope).eval(), torch.randn(1, 3, 4, 4)
    module = torch.export.export(net, (example,)).module(check_guards=False)
    spare_transposes(module)
    assert torch.allclose(module(example), net(example))


def test_a_steeper_leaky_relu_stays() -> None:
    module = torch.export.export(nn.LeakyReLU(1.5).eval(), (torch.randn(1, 3),)).module(check_guards=False)
    spare_transposes(module)
    assert any("leaky_relu" in str(node.target) for node in module.graph.nodes)
