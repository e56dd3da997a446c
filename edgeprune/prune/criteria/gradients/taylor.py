from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, Part, criterion


@criterion("taylor", Need.GRADIENTS, part=Part.READERS)
def taylor(rows: ChannelRows) -> Tensor:
    """Absolute change of the loss when a channel becomes zero, to first order: |sum of weight times gradient|.

    Summed over the weights that read the channel, which is the gradient by a gate on the channel itself; behind a batch
    norm the same sum over the filter's own weights would be zero.

    Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019, arXiv:1906.10771.

    Args:
        rows: weights and gradients (channels, weights_per_channel) of the readers, float32.

    Returns:
        (channels,) scores >= 0, in units of the loss; the lowest goes first.
    """
    return (rows.weights * rows.gradients).sum(dim=1).abs()
