import torch
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("fpgm")
def fpgm(rows: ChannelRows) -> Tensor:
    """Sum of the distances from each channel to every other one: near to all means replaceable.

    He et al., "Filter Pruning via Geometric Median for Deep Convolutional Neural Networks Acceleration", CVPR 2019,
    arXiv:1811.00250.

    Args:
        rows: weights (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return torch.cdist(rows.weights, rows.weights).sum(dim=1)
