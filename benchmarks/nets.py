"""Networks the benchmarks measure: MLPerf Tiny's four by shape, and some with other ways through. Random weights."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn


def _conv(inputs: int, outputs: int, kernel: int | tuple[int, int] = 3, stride: int = 1, groups: int = 1) -> nn.Module:
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2, width // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (height, width), stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(_conv(inputs, inputs, 3, stride, inputs), _conv(inputs, outputs, 1))


def _head(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, 3, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.short = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.short(x))


class _Inverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int = 4):
        super().__init__()
        hidden = inputs * expansion
        self.body = nn.Sequential(
            _conv(inputs, hidden, 1), _conv(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.is_residual else self.body(x)


class _Inception(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        part = outputs // 4
        self.one = _conv(inputs, part, 1)
        self.three = nn.Sequential(_conv(inputs, part, 1), _conv(part, part, 3))
        self.five = nn.Sequential(_conv(inputs, part, 1), _conv(part, part, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, part, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


def ds_cnn() -> nn.Module:
    return nn.Sequential(
        _conv(1, 64, (11, 5), 2), *(_separable(64, 64) for _ in range(4)), _head(64, 12)
    )  # fmt: skip


def resnet8() -> nn.Module:
    return nn.Sequential(
        _conv(3, 16), _Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2), _head(64, 10)
    )  # fmt: skip


def mobilenet_v1() -> nn.Module:
    plan = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2)]
    return nn.Sequential(_conv(3, 8, 3, 2), *(_separable(*layer) for layer in plan), _head(256, 2))


def mobilenet_v2() -> nn.Module:
    plan = [(8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 32, 1)]
    return nn.Sequential(_conv(3, 8, 3, 2), *(_Inverted(*layer) for layer in plan), _conv(32, 64, 1), _head(64, 10))


def autoencoder() -> nn.Module:
    sizes = [640, 128, 128, 128, 8, 128, 128, 128]
    layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(128, 640))


def inception() -> nn.Module:
    return nn.Sequential(
        _conv(3, 16, 3, 2), _Inception(16, 32), _Inception(32, 48), nn.MaxPool2d(2), _Inception(48, 64), _head(64, 10)
    )  # fmt: skip


def lenet() -> nn.Module:
    return nn.Sequential(
        _conv(1, 16, 5), nn.MaxPool2d(2), _conv(16, 32, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 64),
        nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ds-cnn": (ds_cnn, (1, 1, 49, 10)),
    "resnet8": (resnet8, (1, 3, 32, 32)),
    "mobilenet-v1": (mobilenet_v1, (1, 3, 64, 64)),
    "mobilenet-v2": (mobilenet_v2, (1, 3, 48, 48)),
    "autoencoder": (autoencoder, (1, 640)),
    "inception": (inception, (1, 3, 32, 32)),
    "lenet": (lenet, (1, 1, 28, 28)),
}


def make_net(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A seeded network in evaluation mode and the shape of one input, batch first."""
    build, shape = NETS[name]
    torch.manual_seed(0)
    module = build()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.uniform_(0.0, 0.3)
                layer.running_var.uniform_(0.5, 1.5)
    return module.eval(), shape
