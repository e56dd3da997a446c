"""Means over a picture in a backend's form are the same means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.pte.means import with_convolved_means, with_pooled_means

MEANS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean((2, 3)),
    "mean, axes kept": lambda x: x.mean((-1, -2), keepdim=True),
    "adaptive": lambda x: nn.functional.adaptive_avg_pool2d(x, 1),
    "a window of the whole picture": lambda x: nn.functional.avg_pool2d(x, (5, 7)),
}
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean over rows": lambda x: x.mean(3),
    "a smaller window": lambda x: nn.functional.avg_pool2d(x, 3),
    "a grid": lambda x: nn.functional.adaptive_avg_pool2d(x, (1, 7)),
}


class Net(nn.Module):
    def __init__(self, mean: Callable[[Tensor], Tensor]):
        super().__init__()
        self.mean, self.stem = mean, nn.Conv2d(3, 4, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.mean(self.stem(image)) * 2


def graph_of(mean: Callable[[Tensor], Tensor], image: Tensor) -> Any:
    torch.manual_seed(0)
    return torch.export.export(Net(mean).eval(), (image,)).module(check_guards=False)


@pytest.mark.parametrize("form", [with_pooled_means, with_convolved_means])
@pytest.mark.parametrize("name", list(MEANS))
def test_the_same_values(form: Callable[[Any], Any], name: str) -> None:
    image = torch.randn(1, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    wanted = graph_of(MEANS[name], image)(image)
    made = form(graph_of(MEANS[name], image))
    targets = [str(node.target) for node in made.graph.nodes]
    assert targets.count("aten.conv2d.default") == (3 if form is with_convolved_means else 1)
    assert torch.allclose(made(image), wanted, atol=1e-6) and made(image).shape == wanted.shape
    for node in made.graph.nodes:
        if node.op == "call_function":
            assert node.meta["val"].shape is not None


@pytest.mark.parametrize("name", list(OTHERS))
def test_what_is_no_mean_over_a_picture_stays(name: str) -> None:
    image = torch.randn(1, 3, 5, 7)
    plain = graph_of(OTHERS[name], image)
    made = with_convolved_means(graph_of(OTHERS[name], image))
    assert [str(node.target) for node in made.graph.nodes] == [str(node.target) for node in plain.graph.nodes]
