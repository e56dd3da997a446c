"""A criterion of your own: it is known to `edgeprune` as soon as this package is installed."""

from __future__ import annotations

from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, criterion


@criterion("my-criterion")
def my_criterion(rows: ChannelRows) -> Tensor:
    """Largest weight of each channel: a channel of small weights says little. Change this sentence, and the next line.

    Args:
        rows: weights (channels, weights_per_channel) of the filters, float32; other rows after
            `@criterion(name, Need.ACTIVATIONS)` and the like.

    Returns:
        (channels,) scores, all finite; the lowest goes first.
    """
    return rows.weights.abs().amax(dim=1)
