"""Criteria that train or search: their formulas by hand, by quadrature or by brute force, and what they prefer."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import beta as beta_function
from torch import nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.criteria.procedures.group_lasso import norms, shrink
from edgeprune.prune.scoring.bernoulli import Attack, Posterior, _watched, attack, vulnerability
from edgeprune.prune.scoring.calibration_statistics import CalibrationData
from edgeprune.prune.scoring.gates import gated
from edgeprune.prune.scoring.moments import InputMoments
from edgeprune.prune.scoring.optimal_brain_surgeon import elimination
from edgeprune.prune.scoring.score import score
from edgeprune.prune.surgery.thin import zeroed
from tests import nets


def moments(units: int, each: int, outputs: int, seed: int) -> tuple[InputMoments, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(units * each, units * each, generator=generator, dtype=torch.float64)
    rows = torch.randn(400, units * each, generator=generator, dtype=torch.float64) @ mix
    rows -= rows.mean(0)
    weight = torch.randn(outputs, units * each, generator=generator, dtype=torch.float64)
    blocks = {"g": torch.arange(units * each).reshape(units, each)}
    return InputMoments("layer", weight, torch.zeros(units * each), rows.T @ rows / len(rows), blocks), rows


def test_the_surgeon_finds_the_unit_that_least_squares_misses_least():
    layer, rows = moments(5, 2, 3, 0)
    wanted = rows @ layer.weight.T

    def lost(gone: set[int]) -> float:
        staying = [n for unit in range(5) if unit not in gone for n in (2 * unit, 2 * unit + 1)]
        solved = torch.linalg.lstsq(rows[:, staying], wanted).solution
        return float((wanted - rows[:, staying] @ solved).square().sum() / len(rows))

    order, costs = elimination([layer], "g", damping=1e-9)
    gone: set[int] = set()
    total = 0.0
    for unit, cost in zip(order[:3], costs[:3], strict=True):
        expected = {u: lost(gone | {u}) for u in range(5) if u not in gone}
        assert unit == min(expected, key=expected.__getitem__)
        gone.add(unit)
        total += cost
        assert total == pytest.approx(expected[unit], rel=1e-5)


def test_optimal_brain_surgeon_adds_up_all_layers_that_read_a_unit():
    first, _ = moments(3, 1, 2, 1)
    second, _ = moments(3, 1, 4, 2)
    alone = [elimination([one], "g") for one in (first, second)]
    order, costs = elimination([first, second], "g")
    cost_of = [dict(zip(order_, costs_, strict=True)) for order_, costs_ in alone]
    if order[0] == alone[0][0][0] == alone[1][0][0]:
        assert costs[0] == pytest.approx(cost_of[0][order[0]] + cost_of[1][order[0]])
    assert costs[0] >= max(costs_[0] for _, costs_ in alone)


def test_a_copy_of_another_channel_leaves_first():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3)).eval()
    with torch.no_grad():
        module[0].weight[4] = module[0].weight[1] * 2
        module[0].bias[4] = module[0].bias[1] * 2
    groups = find_groups(trace(module, (1, 3, 10, 10)))
    calibration = CalibrationData(
        lambda: [(torch.randn(16, 3, 10, 10), torch.zeros(16).long())], nn.functional.cross_entropy
    )
    scores = score(module, groups, "obs", calibration)["0"]
    assert int(scores.argmin()) in (1, 4)


def test_the_proximal_step_takes_the_same_length_off_every_unit():
    first, second = torch.tensor([[3.0, 0.0], [0.3, 0.0]]), torch.tensor([[4.0, 0.4]])
    pieces = [(first, 0, torch.tensor([[0], [1]])), (second, 1, torch.tensor([[0], [1]]))]
    assert norms(pieces).tolist() == pytest.approx([5.0, 0.5])
    shrink(pieces, 1.0)
    assert norms(pieces).tolist() == pytest.approx([4.0, 0.0])
    assert first[0].tolist() == pytest.approx([2.4, 0.0]) and second[0].tolist() == pytest.approx([3.2, 0.0])


@pytest.mark.parametrize(("a", "b"), [(3.0, 1.0), (0.7, 2.5)])
def test_the_posteriors_mean_and_divergence_by_quadrature(a, b):
    posterior = Posterior(*(torch.tensor([float(np.log(np.expm1(value)))]) for value in (a, b)))
    prior = 0.05

    def density(p: float) -> float:
        return a * b * p ** (a - 1) * (1 - p**a) ** (b - 1)

    def log_prior(p: float) -> float:
        return float((prior - 1) * np.log(p) - np.log(beta_function(prior, 1)))

    mean = quad(lambda p: p * density(p), 0, 1)[0]
    divergence = quad(lambda p: density(p) * (np.log(density(p)) - log_prior(p)), 0, 1)[0]
    assert float(posterior.mean()) == pytest.approx(mean, rel=1e-4)
    assert float(posterior.divergence(prior)) == pytest.approx(divergence, rel=1e-3)
    drawn = torch.stack([posterior.sample(1, torch.Generator().manual_seed(seed)) for seed in range(3000)])
    assert float(drawn.mean()) == pytest.approx(mean, abs=0.03)


def test_vulnerability_is_the_mean_distance_layer_by_layer():
    clean = [torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0]])]
    attacked = [torch.tensor([[2.0, 2.0]]), torch.tensor([[-3.0]])]
    assert float(vulnerability(clean, attacked)) == (0.5 + 3.0) / 2


def test_an_attack_raises_the_loss_and_stays_in_reach():
    module, _, calibration = informative()
    inputs, targets = next(iter(calibration.batches()))
    moved = attack(module, calibration, inputs, targets, Attack(reach=0.2))
    assert (moved - inputs).abs().max() <= 0.2 * inputs.std() + 1e-6
    assert calibration.loss(module(moved), targets) > calibration.loss(module(inputs), targets)


def test_factors_set_to_a_mask_give_the_masked_network():
    module = nets.ResNet8(width=4).eval()
    groups = find_groups(trace(module, (1, 3, 16, 16)))
    keep = {group.name: range(0, group.size, 2) for group in groups.groups}
    factors = {
        group.name: torch.tensor([float(unit in keep[group.name]) for unit in range(group.size)])
        for group in groups.groups
    }
    x = torch.randn(3, 3, 16, 16)
    for layer in module.modules():  # so that what is removed leaves no constant
        if isinstance(layer, nn.BatchNorm2d | nn.Conv2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    with torch.no_grad(), gated(module, groups, lambda: factors):
        got = module(x)
    torch.testing.assert_close(got, zeroed(module, groups, keep)(x), rtol=1e-4, atol=1e-5)
    assert not module.fc._forward_pre_hooks and not module._forward_pre_hooks


def informative() -> tuple[nn.Module, ChannelGroups, CalibrationData]:
    """Units 0 and 1 separate the two classes; 2 and 3 are read too, and have the same values for both."""
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    with torch.no_grad():
        module[0].weight.copy_(torch.eye(4))
        module[0].bias.fill_(1.0)
        module[2].weight.copy_(torch.tensor([[2.0, -2.0, 1.0, 0.5], [-2.0, 2.0, -1.0, -0.5]]))
        module[2].bias.zero_()
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(4):
        labels = torch.randint(2, (64,), generator=generator)
        inputs = torch.randn(64, 4, generator=generator) * 0.5
        inputs[:, 0] += 1 - 2.0 * labels
        inputs[:, 1] -= 1 - 2.0 * labels
        batches.append((inputs, labels))
    return module, find_groups(trace(module, (1, 4))), CalibrationData(lambda: batches, nn.functional.cross_entropy)


@pytest.mark.parametrize("name", ["learned-gates", "beta-bernoulli", "adversarial-bernoulli"])
def test_channels_that_tell_the_classes_apart_stay(name):
    module, groups, calibration = informative()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    scores = score(module, groups, name, calibration)["0"]
    assert scores[:2].min() > scores[2:].max()
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_group_lasso_keeps_the_filters_the_loss_holds_on_to():
    """All filters start at length 1; those whose shrinking the loss resents end longer than those it ignores."""
    module, groups, calibration = informative()
    scores = score(module, groups, "group-lasso", calibration)["0"]
    assert scores[:2].min() > scores[2:].max() and scores.max() < 1.1


def test_learned_gates_need_no_trained_weights():
    torch.manual_seed(0)
    module = nets.ResNet8(width=4)
    groups = find_groups(trace(module, (1, 3, 16, 16)))
    batch = [(torch.randn(16, 3, 16, 16), torch.randint(10, (16,)))]
    scores = score(module, groups, "learned-gates", CalibrationData(lambda: batch, nn.functional.cross_entropy))
    assert all(gate.min() >= 0 and gate.max() <= 1 and gate.std() > 1e-3 for gate in scores.values())


def test_the_inputs_of_mixing_layers_are_seen_inside_the_block_alone() -> None:
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).eval()
    groups = find_groups(trace(module, (1, 6)))
    x = torch.randn(7, 6)
    with _watched(module, groups) as seen:
        module(x)
        assert [tuple(one.shape) for one in seen] == [(7, 5), (7, 4)]
        torch.testing.assert_close(seen[0], torch.relu(module[0](x)))
    module(x)
    assert len(seen) == 2
    assert Attack() == Attack(steps=2, reach=0.1, weight=1.0)
