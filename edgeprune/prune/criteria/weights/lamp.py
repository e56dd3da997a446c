import torch
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("lamp")
def lamp(rows: ChannelRows) -> Tensor:
    """Squared norm of a filter over that of all filters at least as large: the share of what would be left.

    The largest filter of every group scores 1, so scores of different groups can be compared.

    Lee et al., "Layer-adaptive sparsity for the Magnitude-based Pruning", ICLR 2021, arXiv:2010.07611.

    Args:
        rows: weights (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores in 0..1; the lowest goes first.
    """
    return layer_adaptive(rows.weights.square().sum(dim=1))


def layer_adaptive(squares: Tensor) -> Tensor:
    """(units,) sums of squared weights -> (units,) scores in 0..1."""
    order = torch.argsort(squares, stable=True)
    left = squares[order].flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[order] = squares[order] / left.clamp_min(torch.finfo(squares.dtype).tiny)
    return scores
