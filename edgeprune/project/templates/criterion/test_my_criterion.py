"""The scores by hand, and EdgePrune's own catalogue."""

import torch
from my_criterion import my_criterion

from edgeprune.prune.scoring.criterion import CRITERIA, ChannelRows, Need


def test_the_channel_of_small_weights_goes_first() -> None:
    weights = torch.tensor([[3.0, -1.0], [0.5, 0.25], [0.0, -2.0]])
    scores = my_criterion(ChannelRows("layer", {Need.WEIGHTS: weights}))
    assert scores.tolist() == [3.0, 0.5, 2.0]


def test_edgeprune_knows_it() -> None:
    assert CRITERIA.find("my-criterion").name == "my-criterion"
