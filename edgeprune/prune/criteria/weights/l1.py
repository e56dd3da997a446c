from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("l1")
def l1(rows: ChannelRows) -> Tensor:
    """Sum of the absolute weights of each filter: small filters make small feature maps.

    Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017, arXiv:1608.08710.

    Args:
        rows: weights (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.weights.abs().sum(dim=1)
