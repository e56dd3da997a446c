from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("taylor-maps", Need.ACTIVATIONS, Need.ACTIVATION_GRADIENTS)
def taylor_maps(rows: ChannelRows) -> Tensor:
    """Absolute first-order change of the loss when a feature map becomes zero, sample by sample.

    |mean over positions of activation times gradient|, the mean over samples; `taylor` takes the absolute value once,
    of the sum.

    Molchanov et al., "Pruning Convolutional Neural Networks for Resource Efficient Inference", ICLR 2017,
    arXiv:1611.06440.

    Args:
        rows: activations and the gradients of each sample's loss (channels, samples, positions), float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return (rows.activations * rows.activation_gradients).mean(dim=2).abs().mean(dim=1)
