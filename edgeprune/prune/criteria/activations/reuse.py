from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("reuse", Need.ACTIVATIONS)
def reuse(rows: ChannelRows) -> Tensor:
    """Reduce and Reuse: the channels that vary most stay, and the others are rebuilt from them.

    A removed channel becomes the least-squares linear mixture of those that stay; that 1x1 convolution is folded into
    the layers behind (`prune.recovery.linear_mixtures.thin_with_mixtures`), so it costs nothing.

    Polyak, Wolf, "Channel-Level Acceleration of Deep Face Representations", IEEE Access 2015,
    doi:10.1109/ACCESS.2015.2494536.

    Args:
        rows: activations (channels, samples, positions), float32.

    Returns:
        (channels,) variances; the lowest goes first.
    """
    return rows.activations.flatten(1).var(dim=1, correction=0)
