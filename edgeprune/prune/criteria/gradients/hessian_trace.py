from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("hessian-trace", Need.CURVATURE)
def hessian_trace(rows: ChannelRows) -> Tensor:
    """Hessian-aware pruning: mean curvature of the loss along a filter times half the filter's squared norm.

    The trace is how sharply the loss rises around the filter whatever the direction, which is steadier than each
    weight's own curvature.

    Yu et al., "Hessian-Aware Pruning and Optimal Neural Implant", WACV 2022, arXiv:2101.08940.

    Args:
        rows: weights and curvature (channels, weights_per_channel) of the filters, float32.

    Returns:
        (channels,) scores in units of the loss; the lowest goes first.
    """
    return rows.curvature.mean(dim=1) * rows.weights.square().sum(dim=1) / 2
