from torch import Tensor, nn

from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.bernoulli import learned_probabilities
from edgeprune.prune.scoring.calibration_statistics import CalibrationData
from edgeprune.prune.scoring.criterion import procedure


@procedure("beta-bernoulli")
def beta_bernoulli(module: nn.Module, groups: ChannelGroups, calibration: CalibrationData) -> dict[str, Tensor]:
    """Bayesian pruning: the probability that a channel is on, under a beta-Bernoulli prior that favours off.

    Every channel is dropped at random with a probability of its own, whose Kumaraswamy posterior is learned by
    variational inference with frozen weights. Channels the loss does not depend on follow the prior.

    Lee et al., "Adaptive Network Sparsification with Dependent Variational Beta-Bernoulli Dropout", 2018,
    arXiv:1805.10896 (the form that does not depend on the input).

    Args:
        module, groups: the network.
        calibration: samples and loss the posterior is learned on.

    Returns:
        group -> (channels,) expected probabilities in 0..1; the lowest goes first.
    """
    return learned_probabilities(module, groups, calibration, adversarial=None)
