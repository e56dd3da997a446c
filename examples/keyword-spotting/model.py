"""A DS-CNN as in "Hello Edge" (arXiv:1711.07128), small."""

from torch import nn


def separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
    )  # fmt: skip


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, (10, 4), 2, padding=(4, 1), bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        separable(32), separable(32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip
