from torch import Tensor, nn

from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.bernoulli import Attack, learned_probabilities
from edgeprune.prune.scoring.calibration_statistics import CalibrationData
from edgeprune.prune.scoring.criterion import procedure


@procedure("adversarial-bernoulli")
def adversarial_bernoulli(module: nn.Module, groups: ChannelGroups, calibration: CalibrationData) -> dict[str, Tensor]:
    """Bayesian pruning under attack: channels that adversarial inputs distort most go first.

    As `beta-bernoulli`, on inputs changed against the network, with a vulnerability suppression loss: the mean distance
    between the layers' inputs for a sample and for its adversarial twin.

    Madaan, Shin, Hwang, "Adversarial Neural Pruning with Latent Vulnerability Suppression", ICML 2020,
    arXiv:1908.04355.

    Args:
        module, groups: the network.
        calibration: samples and loss the posterior is learned on.

    Returns:
        group -> (channels,) expected probabilities in 0..1; the lowest goes first.
    """
    return learned_probabilities(module, groups, calibration, adversarial=Attack())
