from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("fisher", Need.ACTIVATIONS, Need.ACTIVATION_GRADIENTS)
def fisher(rows: ChannelRows) -> Tensor:
    """Half the Fisher information of a gate on the channel: the second-order change of the loss at a minimum.

    The gate's gradient of one sample is the sum over positions of activation times gradient; the Fisher information
    is the mean of its square.

    Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018, arXiv:1801.05787.

    Args:
        rows: activations and the gradients of each sample's loss (channels, samples, positions), float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return (rows.activations * rows.activation_gradients).sum(dim=2).square().mean(dim=1) / 2
