"""Random views of training images, on the stored pixels before they are scaled."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

_SHIFT = 2  # pixels


def augmented(images: Tensor, how: str, generator: Generator) -> Tensor:
    """Images (B, C, H, W) shifted by up to 2 pixels each way (`crop`), and mirrored half the time (`flip-crop`).

    What moves in from outside is zero. `none` gives back the images.
    """
    if how == "none":
        return images
    count, _, height, width = images.shape
    padded = functional.pad(images, (_SHIFT,) * 4)
    top, left = torch.randint(0, 2 * _SHIFT + 1, (2, count, 1), generator=generator)
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    if how == "flip-crop":
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    batch = torch.arange(count).reshape(count, 1, 1, 1)
    channel = torch.arange(images.shape[1]).reshape(1, -1, 1, 1)
    return padded[batch, channel, rows[:, None, :, None], columns[:, None, None, :]]
