from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("apoz", Need.ACTIVATIONS)
def apoz(rows: ChannelRows) -> Tensor:
    """One less the average percentage of zeros: how often a channel is not zero.

    Means something behind a ReLU; elsewhere all channels score alike.

    Hu et al., "Network Trimming: A Data-Driven Neuron Pruning Approach", 2016, arXiv:1607.03250.

    Args:
        rows: activations (channels, samples, positions), float32.

    Returns:
        (channels,) scores in 0..1; the lowest goes first.
    """
    return (rows.activations != 0).float().mean(dim=(1, 2))
