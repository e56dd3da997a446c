from torch import Tensor, nn

from edgeprune.prune.bernoulli import Attack, learned_probabilities
from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.criterion import procedure
from edgeprune.prune.evidence import Evidence


@procedure("adversarial-bernoulli")
def adversarial_bernoulli(module: nn.Module, groups: ChannelGroups, evidence: Evidence) -> dict[str, Tensor]:
    """Bayesian pruning under attack: channels that adversarial inputs distort most go first.

    As `beta-bernoulli`, on inputs changed against the network, with a vulnerability suppression loss: the mean distance
    between what the layers hear of a sample and of its adversarial twin.

    Madaan, Shin, Hwang, "Adversarial Neural Pruning with Latent Vulnerability Suppression", ICML 2020,
    arXiv:1908.04355.

    Args:
        module, groups: the network.
        evidence: samples and loss the posterior is learned on.

    Returns:
        group -> (channels,) expected probabilities in 0..1; the lowest goes first.
    """
    return learned_probabilities(module, groups, evidence, adversarial=Attack())
