from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("l2")
def l2(rows: ChannelRows) -> Tensor:
    """Euclidean norm of each filter's weights.

    He et al., "Soft Filter Pruning for Accelerating Deep Convolutional Neural Networks", IJCAI 2018, arXiv:1808.06866.

    Args:
        rows: weights (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.weights.square().sum(dim=1).sqrt()
