"""Which layers are solved, trained and scored as plain ones, and which are left alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.model.trace import trace
from edgeprune.prune.scoring.layers import plain_layers


class Own(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 1.0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plain, self.named = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding="same")
        self.mirrored = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
        self.twice, self.own, self.up = nn.Conv2d(4, 4, 1), Own(4, 4, 1), nn.ConvTranspose2d(4, 4, 2, 2)
        self.one, self.other = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.other.weight = self.one.weight
        self.normed, self.norm = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mirrored(self.named(torch.relu(self.plain(x))))
        x = self.own(self.twice(self.twice(x)))
        x = self.other(self.one(self.up(x)))
        return self.head(self.norm(self.normed(x)).mean((2, 3)))


def test_layers_that_are_more_than_a_product_and_a_bias_are_left_out() -> None:
    module = Net().eval()
    found = plain_layers(module, trace(module, (1, 1, 8, 8)))
    assert [layer.op.name for layer in found] == ["plain", "normed", "head"]
    assert [layer.norm is module.norm for layer in found] == [False, True, False]
