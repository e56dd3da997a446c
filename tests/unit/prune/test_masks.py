"""Masks on layers small enough to work out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.export.tflite import export_tflite
from edgeprune.model.trace import trace
from edgeprune.prune.masks.clusters import LEVELS, clustered, clustered_again, fitted
from edgeprune.prune.masks.kernels import kernels
from edgeprune.prune.masks.masking import Kernels, density_of, kernels_of, masks_at
from edgeprune.prune.masks.patterns import dictionary, patterns
from edgeprune.prune.masks.randomized import drawn, randomized
from edgeprune.prune.masks.weights import weights


def layer(values: Tensor, name: str = "a") -> Kernels:
    return Kernels(name, f"{name}.weight", values, values.shape[2] // 2)


def no_damage(_masks: object) -> float:
    raise AssertionError("asked for samples")


def test_weights_go_by_their_share_of_what_is_at_least_as_large() -> None:
    one = layer(torch.tensor([[[3.0], [-4.0]], [[1.0], [2.0]]]))
    (score,) = weights([one], no_damage)
    torch.testing.assert_close(score.flatten(), torch.tensor([9 / 25, 1.0, 1 / 30, 4 / 29]))


def test_a_layer_with_one_large_weight_spares_the_others_first() -> None:
    """By size alone all of `b` would go before any of `a`; layer by layer its small ones cost less."""
    a, b = layer(torch.tensor([[[4.0], [4.0], [4.0], [4.0]]])), layer(torch.tensor([[[1.0], [0.1], [0.1], [0.1]]]), "b")
    masks = masks_at([a, b], weights([a, b], no_damage), 5 / 8)
    assert masks["a.weight"].sum() == 4 and masks["b.weight"].flatten().tolist() == [True, False, False, False]


def test_kernels_go_whole_a_weights_worth_of_each() -> None:
    values = torch.tensor([[[1.0, 1.0], [2.0, 0.0]], [[3.0, 0.0], [0.0, 4.0]]])  # sums of squares 2 4 9 16
    (score,) = kernels([layer(values)], no_damage)
    shares = torch.tensor([[2 / 31, 4 / 29], [9 / 25, 1.0]]) / 2
    torch.testing.assert_close(score, shares[:, :, None].expand(2, 2, 2))
    masks = masks_at([layer(values)], [score], 0.6)  # of 8 weights 4: whole kernels only
    assert masks["a.weight"].tolist() == [[[False] * 2] * 2, [[True] * 2] * 2]


def test_patterns_keep_the_middle_and_what_most_kernels_would() -> None:
    corners = torch.tensor([9.0, 0, 8, 0, 0.1, 0, 7, 0, 1])  # 0 2 6, and the middle
    edges = torch.tensor([0, 9.0, 0, 8, 5, 7, 0, 1, 0])  # 1 3 5, and the middle
    values = torch.stack([torch.stack([corners, 2 * corners, edges])])
    found = dictionary([layer(values)])
    assert [row.nonzero().flatten().tolist() for row in found] == [[0, 2, 4, 6], [1, 3, 4, 5]]
    (score,) = patterns([layer(values)], no_damage)
    assert (score[0, 2] >= 0).nonzero().flatten().tolist() == [1, 3, 4, 5]
    left = [81 + 64 + 49 + 0.01, 81 + 64 + 49 + 25]
    assert float(score[0, 0, 0]) == pytest.approx(left[0] / (5 * left[0] + left[1]) / 4)
    assert (masks_at([layer(values)], [score], 1.0)["a.weight"].sum(2) == 4).all()


def test_patterns_are_eight_at_most_and_each_kernel_gets_the_one_that_leaves_it_most() -> None:
    values = torch.randn(16, 8, 9, generator=torch.Generator().manual_seed(0))
    known, (score,) = dictionary([layer(values)]), patterns([layer(values)], no_damage)
    assert known.shape == (8, 9) and known[:, 4].all() and (known.sum(1) == 4).all()
    stays = score >= 0
    best = torch.stack([(values.square() * row).sum(2) for row in known]).amax(0)
    torch.testing.assert_close((values.square() * stays).sum(2), best)


def test_random_draws_are_judged_and_the_better_ones_averaged() -> None:
    """Nothing but weight 0 matters here, small as it is: it ends up first."""
    one = layer(torch.tensor([[[0.75], [1.0], [1.0], [1.0], [1.0], [1.0]]]))
    (score,) = randomized([one], lambda masks: float(not masks["a.weight"][0, 0, 0]))
    assert score.argmax() == 0 and score.flatten()[0] >= 1.0
    draws = [drawn(one.weights, torch.Generator().manual_seed(seed)) for seed in range(400)]
    assert all(int(draw.sum()) == 3 for draw in draws)
    often = torch.stack(draws).float().mean(0).flatten()
    assert often[0] < 0.46 and (often[1:] > 0.46).all()  # odds by size


def test_every_layer_keeps_something_and_ties_go_together() -> None:
    a, b = layer(torch.ones(1, 4, 1)), layer(torch.tensor([[[5.0], [1.0]]]), "b")
    scores = [torch.full((1, 4, 1), 0.5), torch.tensor([[[0.25], [0.1]]])]
    masks = masks_at([a, b], scores, 0.5)  # 3 of 6, and `a`'s four are equal
    assert [int(mask.sum()) for mask in masks.values()] == [4, 1]
    assert density_of(masks) == pytest.approx(5 / 6)
    assert [int(mask.sum()) for mask in masks_at([a, b], scores, 0.0).values()] == [4, 1]


def net() -> nn.Sequential:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 16, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip
    module(torch.randn(64, 3, 8, 8))
    nn.init.uniform_(module[1].weight, 0.1, 3.0)
    return module.eval()


def test_layers_are_seen_as_the_device_has_them_and_depthwise_ones_not_at_all() -> None:
    module = net()
    found = kernels_of(module, trace(module, (1, 3, 8, 8)))
    assert [(one.parameter, tuple(one.weights.shape)) for one in found] == [
        ("0.weight", (8, 3, 9)), ("4.weight", (16, 8, 1)), ("8.weight", (4, 16, 1))
    ]  # fmt: skip
    scale = module[1].weight / (module[1].running_var + module[1].eps).sqrt()
    torch.testing.assert_close(found[0].weights, (module[0].weight * scale[:, None, None, None]).flatten(2).detach())
    assert found[0].centre == 4


def test_a_network_without_such_layers_is_refused() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with pytest.raises(ModelError, match="no layer of the network has weights that can be masked") as caught:
        kernels_of(module, trace(module, (1, 3, 8, 8)))
    assert "--granularity channels" in caught.value.hint


def test_clusters_come_out_of_the_file_as_sixteen_values_and_masks_as_zeros() -> None:
    module = net()
    layers = kernels_of(module, trace(module, (1, 3, 8, 8)))
    masks = {
        name: mask.reshape(module.get_parameter(name).shape)
        for name, mask in masks_at(layers, weights(layers, no_damage), 0.5).items()
    }
    hold = clustered(module, masks)
    with torch.no_grad():  # as a training step would
        for parameter in module.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    hold()
    with torch.no_grad():  # found again, held again: after the weights moved on, the same zeros
        again = clustered_again(module)
        before = module.get_parameter("4.weight").clone()
        again()
        torch.testing.assert_close(module.get_parameter("4.weight"), before)
    graph = export_tflite(module, torch.randn(16, 3, 8, 8)).graph()
    stored = [graph.tensors[op.inputs[1]].data for op in graph.ops if op.traits.is_gemm]
    for one, values in zip(layers, stored, strict=True):
        assert values is not None
        mask = masks[one.parameter].reshape(one.weights.shape)
        wanted = mask.permute(0, 2, 1).reshape(values.shape).numpy()  # channels last
        assert not values[~wanted].any()
        assert len(set(values[wanted].tolist())) <= LEVELS


def test_k_means_moves_levels_to_their_weights_and_keeps_the_ends() -> None:
    """Two heaps around 0.30 and 0.55 of the largest, away from the even levels at 1/3 and 0.6."""
    module = nn.Linear(40, 1, bias=False)
    heaps = torch.cat([torch.full((19,), 0.30), torch.full((19,), 0.55), torch.tensor([1.0, -1.0])])
    heaps[:38] += torch.tensor([-0.01, 0.01]).repeat(19)
    with torch.no_grad():
        module.weight.copy_(2 * heaps)
    clustered(module, {"weight": torch.ones(1, 40, dtype=torch.bool)})
    means = sorted({round(float(value), 4) for value in module.weight.detach().flatten() / 2})
    assert len(means) == 4 and means[0] == pytest.approx(-1, abs=1e-2) and means[3] == pytest.approx(1, abs=1e-2)
    assert means[1:3] == pytest.approx([0.30, 0.55], abs=2e-3)


@pytest.mark.parametrize("tie", [10.5, -3.5, 63.5])
def test_a_level_keeps_away_from_where_int8_rounds_up_or_down(tie: float) -> None:
    """A cluster whose value lies there would be two values in the file."""
    row = torch.tensor([[1.0, -1.0, tie / 127, 20.0 / 127]])
    levels, scales = fitted(row, torch.ones(1, 4, dtype=torch.bool), torch.tensor([[LEVELS - 1, 0, 5, 9]]))
    steps = levels * 127
    assert scales.item() == pytest.approx(1.0, abs=1e-3)
    assert abs(float(steps[5]) - tie) == pytest.approx(2e-3, abs=5e-4)  # away from the tie, and no further
    assert float(steps[9]) == pytest.approx(20.0, abs=5e-4)  # not at one: left where it is


def test_sixteen_levels_with_both_ends_stay_sixteen() -> None:
    """What lies on levels is taken up again as it is, each level a cluster of its own."""
    module = nn.Linear(16, 3, bias=False)
    steps = torch.tensor([-127, -90, -64, -50, -33, -20, -9, -3, 4, 11, 23, 40, 57, 80, 101, 127])
    with torch.no_grad():
        module.weight.copy_(torch.stack([steps, steps.flip(0), steps.roll(5)]) * torch.tensor([[0.01], [2.0], [0.5]]))
    before = module.weight.detach().clone()
    clustered_again(module)()
    torch.testing.assert_close(module.weight.detach(), before)
