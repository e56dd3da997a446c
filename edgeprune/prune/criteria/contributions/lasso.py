import warnings

import torch
from torch import Tensor

from edgeprune.prune.scoring.criterion import ChannelRows, Need, criterion


@criterion("lasso", Need.CONTRIBUTIONS)
def lasso(rows: ChannelRows) -> Tensor:
    """LASSO channel selection: the penalty at which a channel first takes part in rebuilding the next layers' sums.

    Each channel's contribution gets a weight, and the sum of the weights' sizes is penalized; as the penalty falls
    channels come in one after the other (least-angle regression gives the whole path). The paper then re-solves the
    layers by least squares.

    He, Zhang, Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017, arXiv:1707.06168.

    Args:
        rows: contributions (channels, channels), the covariance of what the channels add to the next layers' sums.

    Returns:
        (channels,) scores >= 0, the penalty at which the channel comes in; the lowest goes first.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lars_path_gram

    products = rows.contributions.double()
    size = float(products.diagonal().mean())
    if size < 1e-24:  # no channel ever varies
        return torch.zeros(len(products))
    gram, wanted = (products / size).numpy(), (products / size).sum(1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the path ends where nothing is left to explain
        penalties, _, weights = lars_path_gram(wanted, gram.copy(), n_samples=1, method="lasso")
    taking_part = torch.from_numpy(weights != 0)  # (channels, steps), the penalty falling
    # a weight that is not zero after a step came in at the penalty the step began with
    begins = torch.from_numpy(penalties.copy()).roll(1)
    return torch.where(taking_part, begins * size, 0.0).amax(dim=1)
