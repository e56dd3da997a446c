from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("variance", Need.CONTRIBUTIONS)
def variance(rows: ChannelRows) -> Tensor:
    """Inbound pruning: the variance an input channel adds to the sums of the filters that read it.

    A channel that does not vary is a constant, and constants fold into the bias. Summed over all filters that read the
    channel.

    Polyak, Wolf, "Channel-Level Acceleration of Deep Face Representations", IEEE Access 2015,
    doi:10.1109/ACCESS.2015.2494536.

    Args:
        rows: contributions (channels, channels), the covariance of what the channels add to the next layers' sums.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.contributions.diagonal().clone()
