"""Pictures that a small network learns to classify within seconds."""

from __future__ import annotations

import torch

from edgeprune.train.splits import Splits, make_splits


def bright_quarters(count: int, noise: int, spot: int, brightness: int) -> Splits:
    """Four classes: in which quarter of the image (1, 12, 12) a bright spot of `spot` pixels' side is."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 4
    pictures = torch.randint(0, noise, (count, 1, 12, 12), generator=generator, dtype=torch.uint8)
    for index, label in enumerate(labels.tolist()):
        row, column = 6 * (label // 2) + 2, 6 * (label % 2) + 2
        pictures[index, 0, row : row + spot, column : column + spot] = brightness
    return make_splits({"train": (pictures, labels)}, (1, 12, 12))
