from zlib import crc32

import torch
from torch import Generator, Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("random")
def random(rows: ChannelRows) -> Tensor:
    """Drawn at random, the same draw every time: the floor any other criterion has to clear.

    Mittal et al., "Studying the plasticity in deep convolutional neural networks using random pruning", Machine Vision
    and Applications 2019, arXiv:1812.10240.

    Args:
        rows: weights (channels, weights_per_channel), of which only the number of channels is looked at.

    Returns:
        (channels,) scores in 0..1; the lowest goes first.
    """
    generator = Generator().manual_seed(crc32(rows.group.encode()))
    return torch.rand(len(rows.weights), generator=generator)
