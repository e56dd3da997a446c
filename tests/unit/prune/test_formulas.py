"""Formulas of the criteria on rows small enough to work out by hand."""

import math

import pytest
import torch
import torch_pruning as tp
from torch import Tensor, nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.scoring.criterion import CRITERIA, ChannelRows, Criterion, Need
from edgeprune.prune.scoring.score import score


def judge(name: str, **rows: Tensor) -> list[float]:
    found = CRITERIA.find(name)
    assert isinstance(found, Criterion)
    return found.score(ChannelRows("group", {Need(key.replace("_", " ")): row for key, row in rows.items()})).tolist()


WEIGHTS = torch.tensor([[3.0, -4.0], [1.0, 1.0], [0.0, -2.0]])
# two channels, two samples, two positions
MAPS = torch.tensor([[[0.0, 2.0], [4.0, 0.0]], [[1.0, -1.0], [0.5, 0.5]]])
SLOPES = torch.tensor([[[9.0, 1.0], [-1.0, 9.0]], [[2.0, 1.0], [0.0, 4.0]]])


def test_neuron_norm_is_the_mean_size_of_outgoing_weights():
    assert judge("neuron-norm", weights=WEIGHTS) == [3.5, 1.0, 1.0]


def test_lamp_divides_by_what_is_at_least_as_large():
    assert judge("lamp", weights=WEIGHTS) == pytest.approx([1.0, 2 / 31, 4 / 29])


def test_random_is_the_same_every_time_and_another_for_each_group():
    first = judge("random", weights=WEIGHTS)
    assert first == judge("random", weights=WEIGHTS * 2) and all(0 <= value < 1 for value in first)
    other = CRITERIA.find("random").score(ChannelRows("other", {Need.WEIGHTS: WEIGHTS}))
    assert other.tolist() != first


def test_apoz_counts_what_is_not_zero():
    assert judge("apoz", activations=MAPS) == [0.5, 1.0]


def test_mean_activation_and_variance_over_samples_and_positions():
    assert judge("mean-activation", activations=MAPS) == [1.5, 0.75]
    assert judge("reuse", activations=MAPS) == pytest.approx(
        [(1.5**2 * 2 + 0.5**2 + 2.5**2) / 4, (0.75**2 + 1.25**2 + 2 * 0.25**2) / 4]
    )


def test_entropy_of_the_means_over_positions():
    means = torch.tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 2.0, 3.0]])
    maps = torch.stack([means - 5.0, means + 5.0], 2)
    assert judge("entropy", activations=maps) == pytest.approx([math.log(2), 0.0, math.log(4)])


def test_entropy_is_largest_where_every_sample_has_a_bin_of_its_own():
    maps = torch.arange(32.0).reshape(1, 32, 1)
    assert judge("entropy", activations=maps) == pytest.approx([math.log(32)])


def test_taylor_on_feature_maps_takes_the_size_sample_by_sample():
    # products: channel 0: [[0, 2], [-4, 0]], channel 1: [[2, -1], [0, 2]]
    assert judge("taylor-maps", activations=MAPS, activation_gradients=SLOPES) == [(1.0 + 2.0) / 2, (0.5 + 1.0) / 2]


def test_fisher_is_half_the_mean_square_of_the_gates_gradient():
    assert judge("fisher", activations=MAPS, activation_gradients=SLOPES) == [(4 + 16) / 4, (1 + 4) / 4]


def test_sensitivity_is_the_share_of_flips_times_the_outgoing_weights():
    perturbed = torch.tensor([[[1.0, 2.0], [4.0, 0.0]], [[-1.0, 1.0], [-0.5, 0.5]]])
    weights = torch.tensor([[1.0, -1.0], [0.5, 0.0]])
    assert judge("sensitivity", activations=MAPS, perturbed_activations=perturbed, weights=weights) == [
        0.25 * 2,
        0.75 * 0.5,
    ]


def test_obd_and_hessian_trace():
    curvature = torch.tensor([[1.0, 0.5], [2.0, -2.0], [7.0, 1.0]])
    assert judge("obd", weights=WEIGHTS, curvature=curvature) == [(9 + 8) / 2, 0.0, 2.0]
    assert judge("hessian-trace", weights=WEIGHTS, curvature=curvature) == [0.75 * 25 / 2, 0.0, 4.0 * 4 / 2]


# Channel 0 and 1 cancel each other, channel 2 stands alone.
COVARIANCE = torch.tensor([[4.0, -3.0, 0.0], [-3.0, 4.0, 0.0], [0.0, 0.0, 3.0]])


def test_variance_looks_at_each_channel_alone():
    assert judge("variance", contributions=COVARIANCE) == [4.0, 4.0, 3.0]


def test_greedy_adds_what_leaves_least_unexplained():
    # With all missing 1'C1 = 5; adding 2 leaves 2, adding 0 or 1 leaves 7: so 2 comes first, then 0, first of equals.
    assert judge("greedy", contributions=COVARIANCE) == [2.0, 1.0, 3.0]


def test_lasso_path_of_independent_channels_is_their_own_variance():
    """Without correlation a channel of variance v comes in at the penalty v."""
    assert judge("lasso", contributions=torch.diag(torch.tensor([2.0, 5.0, 1.0]))) == pytest.approx([2.0, 5.0, 1.0])


def test_lasso_path_of_two_that_are_nearly_equal():
    """With the first in at weight (7.9 - p) / 4, the second's correlation 7.8 - 3.9 * (7.9 - p) / 4 meets p at 3.9."""
    twins = torch.tensor([[4.0, 3.9, 0.0], [3.9, 3.9, 0.0], [0.0, 0.0, 1.0]])
    assert judge("lasso", contributions=twins) == pytest.approx([7.9, 3.9, 1.0], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("l1", tp.importance.GroupMagnitudeImportance(p=1, group_reduction="first", normalizer=None)),
        ("lamp", tp.importance.LAMPImportance(p=2, group_reduction="first")),
        ("bn-scale", tp.importance.BNScaleImportance(normalizer=None)),
    ],
)
def test_scores_agree_with_torch_pruning(name, theirs):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    nn.init.normal_(module[1].weight)
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    graph = tp.DependencyGraph().build_dependency(module, torch.randn(1, 3, 8, 8))
    group = graph.get_pruning_group(module[0], tp.prune_conv_out_channels, idxs=list(range(6)))
    torch.testing.assert_close(score(module, groups, name)["0"], theirs(group))


def test_squares_agree_with_torch_pruning():
    """Its norm of a group is the mean over the coupled layers of sums of squares; ours is the root of their sum."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.Conv2d(6, 4, 3)).eval()
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    graph = tp.DependencyGraph().build_dependency(module, torch.randn(1, 3, 8, 8))
    group = graph.get_pruning_group(module[0], tp.prune_conv_out_channels, idxs=list(range(6)))
    theirs = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)(group)
    torch.testing.assert_close(score(module, groups, "group-norm")["0"].square(), 2 * theirs)
    first = tp.importance.GroupMagnitudeImportance(p=2, group_reduction="first", normalizer=None)(group)
    torch.testing.assert_close(score(module, groups, "l2")["0"].square(), first)
