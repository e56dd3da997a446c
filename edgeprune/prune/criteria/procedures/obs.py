import torch
from torch import Tensor, nn

from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.calibration_statistics import CalibrationData
from edgeprune.prune.scoring.criterion import procedure
from edgeprune.prune.scoring.moments import input_moments
from edgeprune.prune.scoring.optimal_brain_surgeon import elimination


@procedure("obs")
def obs(module: nn.Module, groups: ChannelGroups, calibration: CalibrationData) -> dict[str, Tensor]:
    """Structured Optimal Brain Surgeon: channels leave one by one, those first whose loss the others compensate best.

    The loss of a channel is how far the sums of the layers that read it move once the weights of those that stay are
    re-solved; after each removal it is computed again. Goes best with least-squares recovery, which re-solves them.

    Hassibi, Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992; whole blocks as in
    Kurtic, Frantar, Alistarh, "ZipLM: Inference-Aware Structured Pruning of Language Models", NeurIPS 2023,
    arXiv:2302.04089.

    Args:
        module, groups: the network.
        calibration: samples whose inputs are used; labels are not.

    Returns:
        group -> (channels,) position in the order of removal, 1 for the first.
    """
    moments = input_moments(module, groups, (inputs for inputs, _ in calibration.batches()))
    scores = {}
    for group in groups.groups:
        order, _ = elimination(moments, group.name)
        scores[group.name] = torch.empty(group.size)
        scores[group.name][order] = torch.arange(1.0, group.size + 1)
    return scores
