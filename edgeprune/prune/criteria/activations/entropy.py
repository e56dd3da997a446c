import torch
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion

_BINS = 32


@criterion("entropy", Need.ACTIVATIONS)
def entropy(rows: ChannelRows) -> Tensor:
    """Entropy of a channel's mean over the picture: a channel nearly constant over samples carries little information.

    Each channel's means over positions are sorted into 32 equal bins between its smallest and largest.

    Luo, Wu, "An Entropy-based Pruning Method for CNN Compression", 2017, arXiv:1706.05791.

    Args:
        rows: activations (channels, samples, positions), float32.

    Returns:
        (channels,) scores in nats, 0 to log(32); the lowest goes first.
    """
    means = rows.activations.mean(dim=2)
    low, high = means.amin(1, keepdim=True), means.amax(1, keepdim=True)
    width = (high - low).clamp_min(torch.finfo(means.dtype).tiny)
    bins = ((means - low) / width * _BINS).long().clamp(0, _BINS - 1)
    shares = torch.zeros(len(means), _BINS).scatter_add_(1, bins, torch.ones_like(means)) / means.shape[1]
    return -torch.xlogy(shares, shares).sum(dim=1)
