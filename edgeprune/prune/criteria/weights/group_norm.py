from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Part, criterion


@criterion("group-norm", part=Part.ALL)
def group_norm(rows: ChannelRows) -> Tensor:
    """Euclidean norm of everything that goes with a channel: filters, batch norm, bias, and the next layers' inputs.

    A channel with a small filter may still be read by large weights; coupled parameters are only unimportant together.

    Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023, arXiv:2301.12900.

    Args:
        rows: weights (channels, weights_per_channel) of all coupled slices, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.weights.square().sum(dim=1).sqrt()
