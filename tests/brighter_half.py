"""A question that small networks learn in seconds: is the upper half of a 12x12 image the brighter one?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

MODEL = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2),
    )
"""


def save_brighter_half(path: Path, count: int = 400, lead: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Writes `x_train` and `y_train` of an npz file.

    Args:
        lead: how much brighter that half is; its noise is uniform over 0..1.

    Returns:
        Images (count, 1, 12, 12) float32 and labels (count,) int64, 1 where it is.
    """
    numbers = np.random.default_rng(0)
    images = numbers.random((count, 1, 12, 12), np.float32)
    labels = numbers.integers(0, 2, count)
    images[labels == 1, :, :6] += lead
    np.savez(path, x_train=images, y_train=labels)
    return images, labels
