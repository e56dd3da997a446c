from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("obd", Need.CURVATURE)
def obd(rows: ChannelRows) -> Tensor:
    """Optimal Brain Damage: the loss's second-order change when a filter's weights go, cross terms left out.

    Half the sum of curvature times squared weight over the filter. Curvature may be negative away from a minimum.

    LeCun, Denker, Solla, "Optimal Brain Damage", NIPS 1989.

    Args:
        rows: weights and curvature (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores in units of the loss; the lowest goes first.
    """
    return (rows.curvature * rows.weights.square()).sum(dim=1) / 2
