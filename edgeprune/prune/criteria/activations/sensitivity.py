from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, Part, criterion


@criterion("sensitivity", Need.ACTIVATIONS, Need.PERTURBED_ACTIVATIONS, part=Part.READERS)
def sensitivity(rows: ChannelRows) -> Tensor:
    """Probability that a unit switches on or off under input noise, times the sum of its outgoing weights.

    The inputs are perturbed by Gaussian noise of a tenth of their standard deviation; a unit is on where it is above
    zero. A unit that input variation never flips passes on no information, and one with small outgoing weights adds
    little.

    Zeng, Yeung, "Hidden neuron pruning of multilayer perceptrons using a quantified sensitivity measure",
    Neurocomputing 2006, doi:10.1016/j.neucom.2005.04.010 (relevance: sensitivity times the sum of outgoing weights).

    Args:
        rows: activations and perturbed_activations (channels, samples, positions); weights (channels,
            weights_per_channel) of the layers that read them, float32.

    Returns:
        (channels,) scores >= 0; the lowest goes first.
    """
    flips = (rows.activations > 0) != (rows.perturbed_activations > 0)
    return flips.float().mean(dim=(1, 2)) * rows.weights.abs().sum(dim=1)
