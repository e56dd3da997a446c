from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("mean-activation", Need.ACTIVATIONS)
def mean_activation(rows: ChannelRows) -> Tensor:
    """Mean absolute activation of a channel, over samples and positions.

    Molchanov et al., "Pruning Convolutional Neural Networks for Resource Efficient Inference", ICLR 2017,
    arXiv:1611.06440 (the activation criterion).

    Args:
        rows: activations (channels, samples, positions), float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.activations.abs().mean(dim=(1, 2))
