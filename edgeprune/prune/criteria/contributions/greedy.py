import torch
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("greedy", Need.CONTRIBUTIONS)
def greedy(rows: ChannelRows) -> Tensor:
    """Greedy forward selection: start with no channel and add, one by one, the one that helps most.

    Helping is measured in the sums of the layers that read the channels: each choice is the channel that leaves the
    least variance unexplained. The earlier a channel is chosen, the higher its score.

    Ye et al., "Good Subnetworks Provably Exist: Pruning via Greedy Forward Selection", ICML 2020, arXiv:2003.01794; on
    the next layer's sums: Ye, Wu, Liu, "Greedy Optimization Provably Wins the Lottery", NeurIPS 2020, arXiv:2010.15969.

    Args:
        rows: contributions (channels, channels), the covariance of what the channels add to the next layers' sums.

    Returns:
        (channels,) scores: the number of channels for the first chosen, down to 1; the lowest goes first.
    """
    products = rows.contributions
    missing = torch.ones(len(products), dtype=torch.bool)
    scores = torch.zeros(len(products))
    for score in range(len(products), 0, -1):
        # without u, the unexplained variance 1' C 1 over the missing falls by 2 (C 1)_u - C_uu
        relief = 2 * products @ missing.to(products) - products.diagonal()
        chosen = int(torch.where(missing, relief, -torch.inf).argmax())
        missing[chosen] = False
        scores[chosen] = score
    return scores
