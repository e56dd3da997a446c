from torch import Tensor

from edgeprune.prune.criterion import ChannelRows, Need, Part, criterion


@criterion("sensitivity", Need.ACTIVATIONS, Need.SHAKEN_ACTIVATIONS, part=Part.LISTENERS)
def sensitivity(rows: ChannelRows) -> Tensor:
    """Probability that a unit switches on or off when the input varies, times how much it is listened to.

    The inputs are shaken by Gaussian noise of a tenth of their own deviation; a unit is on where it is above zero. A
    unit that input variation never moves passes on no information, and one nobody weighs is not missed.

    Zeng, Yeung, "Hidden neuron pruning of multilayer perceptrons using a quantified sensitivity measure",
    Neurocomputing 2006, doi:10.1016/j.neucom.2005.04.010 (relevance: sensitivity times the sum of outgoing weights).

    Args:
        rows: activations and shaken_activations (channels, samples, positions); weights (channels,
            weights_per_channel) of the layers that read them, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    flips = (rows.activations > 0) != (rows.shaken_activations > 0)
    return flips.float().mean(dim=(1, 2)) * rows.weights.abs().sum(dim=1)
