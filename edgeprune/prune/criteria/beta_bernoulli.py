from torch import Tensor, nn

from edgeprune.prune.bernoulli import learned_probabilities
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.criterion import procedure
from edgeprune.prune.evidence import Evidence


@procedure("beta-bernoulli")
def beta_bernoulli(module: nn.Module, groups: ChannelGroups, evidence: Evidence) -> dict[str, Tensor]:
    """Bayesian pruning: the probability that a channel is on, under a beta-Bernoulli prior that wants it off.

    Every channel is dropped at random with a probability of its own, whose Kumaraswamy posterior is learned by
    variational inference with the weights held still. Channels the loss can spare follow the prior.

    Lee et al., "Adaptive Network Sparsification with Dependent Variational Beta-Bernoulli Dropout", 2018,
    arXiv:1805.10896 (the form that does not depend on the input).

    Args:
        module, groups: the network.
        evidence: samples and loss the posterior is learned on.

    Returns:
        group -> (channels,) expected probabilities in 0..1; the lowest goes first.
    """
    return learned_probabilities(module, groups, evidence, adversarial=None)
