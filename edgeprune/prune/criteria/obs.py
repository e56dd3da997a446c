import torch
from torch import Tensor, nn

from edgeprune.prune.channels import ChannelGroups
from edgeprune.prune.criterion import procedure
from edgeprune.prune.evidence import Evidence
from edgeprune.prune.moments import hearings
from edgeprune.prune.surgeon import elimination


@procedure("obs")
def obs(module: nn.Module, groups: ChannelGroups, evidence: Evidence) -> dict[str, Tensor]:
    """Structured Optimal Brain Surgeon: channels leave one by one, those first whose loss the others can make good.

    The loss of a channel is how far the sums of the layers that hear it move once those that stay are weighted anew;
    after each departure it is worked out again. Goes best with least-squares recovery, which does that weighting.

    Hassibi, Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992; whole blocks as in
    Kurtic, Frantar, Alistarh, "ZipLM: Inference-Aware Structured Pruning of Language Models", NeurIPS 2023,
    arXiv:2302.04089.

    Args:
        module, groups: the network.
        evidence: samples whose inputs are looked at; no label is.

    Returns:
        group -> (channels,) place in the order of leaving, 1 for the first to go.
    """
    found = hearings(module, groups, (inputs for inputs, _ in evidence.batches()))
    scores = {}
    for group in groups.groups:
        order, _ = elimination(found, group.name)
        scores[group.name] = torch.empty(group.size)
        scores[group.name][order] = torch.arange(1.0, group.size + 1)
    return scores
