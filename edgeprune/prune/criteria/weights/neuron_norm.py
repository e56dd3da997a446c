from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Part, criterion


@criterion("neuron-norm", part=Part.READERS)
def neuron_norm(rows: ChannelRows) -> Tensor:
    """Mean absolute value of a neuron's outgoing weights: what small weights read adds little.

    He, Fan, Qian, Tan, Yu, "Reshaping deep neural network for fast decoding by node-pruning", ICASSP 2014 (the
    output-weights norm).

    Args:
        rows: weights (channels, weights_per_channel) of the layers that read the channels, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    return rows.weights.abs().mean(dim=1)
