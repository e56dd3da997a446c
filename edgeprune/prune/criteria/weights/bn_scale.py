from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Part, criterion


@criterion("bn-scale", part=Part.NORM)
def bn_scale(rows: ChannelRows) -> Tensor:
    """Size of the batch norm's scale: a channel scaled to nearly zero adds nearly nothing.

    Channels behind several batch norms take the mean. Works best after training with a penalty on these scales.

    Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017, arXiv:1708.06519.

    Args:
        rows: weights (channels, norms): the scale of each batch norm behind the channels, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.weights.abs().mean(dim=1)
