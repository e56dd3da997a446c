from torch import Tensor

from edgeprune.prune.criterion import ChannelRows, Need, criterion


@criterion("reuse", Need.ACTIVATIONS)
def reuse(rows: ChannelRows) -> Tensor:
    """Reduce and Reuse: the channels that vary most stay, and rebuild the others.

    What goes is a linear mixture of what stays, as well as least squares can make it; that 1x1 convolution is folded
    into the layers behind (`prune.reuse.thin_reusing`), so it costs nothing.

    Polyak, Wolf, "Channel-Level Acceleration of Deep Face Representations", IEEE Access 2015,
    doi:10.1109/ACCESS.2015.2494536.

    Args:
        rows: activations (channels, samples, positions), float32.

    Returns:
        (channels,) variances; the lowest goes first.
    """
    return rows.activations.flatten(1).var(dim=1, correction=0)
