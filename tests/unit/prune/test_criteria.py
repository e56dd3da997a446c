"""Criteria against small cases worked out by hand or by autograd."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError, UsageError
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import Role
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.scoring.calibration_statistics import CalibrationData
from edgeprune.prune.scoring.criterion import CRITERIA, ChannelRows, Need
from edgeprune.prune.scoring.score import _rows, normalized, rank_channels, score
from edgeprune.prune.surgery.thin import zeroed
from tests import nets


def judge(name: str, **rows: Tensor) -> Tensor:
    """A criterion applied to bare rows."""
    return CRITERIA.find(name).score(
        ChannelRows("group", {Need(key.replace("_", " ")): row for key, row in rows.items()})
    )


WEIGHTS = torch.tensor([[3.0, -4.0], [1.0, 1.0], [0.0, -2.0]])


def test_l1_sums_absolute_weights():
    assert judge("l1", weights=WEIGHTS).tolist() == [7.0, 2.0, 2.0]


def test_l2_and_group_norm_are_euclidean():
    expected = [5.0, math.sqrt(2), 2.0]
    assert judge("l2", weights=WEIGHTS).tolist() == pytest.approx(expected)
    assert judge("group-norm", weights=WEIGHTS).tolist() == pytest.approx(expected)


def test_bn_scale_is_the_mean_size():
    assert judge("bn-scale", weights=WEIGHTS).tolist() == [3.5, 1.0, 1.0]


def test_fpgm_sums_distances():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    far = math.hypot(3, 3)
    assert judge("fpgm", weights=points).tolist() == pytest.approx([6.0, 5.0 + far, 1.0 + far])


def test_taylor_is_the_size_of_the_summed_product():
    gradients = torch.tensor([[1.0, 1.0], [2.0, -1.0], [5.0, 0.5]])
    assert judge("taylor", weights=WEIGHTS, gradients=gradients).tolist() == [1.0, 1.0, 1.0]


class Coupled(nn.Module):
    """Two convolutions added: six weights per channel, one layer reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 3, 1, bias=False), nn.Conv2d(1, 3, 2)
        self.norm = nn.BatchNorm2d(3)
        self.out = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.a(x[:, :, 1:, 1:])) + self.b(x[:, :1])
        return self.out(torch.relu(y).mean((2, 3)))


def calibration_for(module: nn.Module, shape: tuple[int, ...], classes: int, batches: int = 2) -> CalibrationData:
    generator = torch.Generator().manual_seed(3)
    made = [
        (torch.randn(4, *shape[1:], generator=generator), torch.randint(classes, (4,), generator=generator))
        for _ in range(batches)
    ]
    return CalibrationData(lambda: made, nn.functional.cross_entropy)


def test_rows_of_coupled_layers_lie_side_by_side():
    module = Coupled().eval()
    groups = find_groups(trace(module, (1, 2, 5, 5)))
    a, b = module.a.weight.detach().flatten(1), module.b.weight.detach().flatten(1)
    expected = torch.cat([a, b], 1)
    torch.testing.assert_close(score(module, groups, "l1")["a"], expected.abs().sum(1))
    everything = torch.cat(
        [expected, module.norm.weight.detach()[:, None], module.norm.bias.detach()[:, None],
         module.b.bias.detach()[:, None], module.out.weight.detach().T], 1
    )  # fmt: skip
    torch.testing.assert_close(score(module, groups, "group-norm")["a"], everything.norm(dim=1))
    torch.testing.assert_close(score(module, groups, "bn-scale")["a"], module.norm.weight.detach().abs())


def test_taylor_predicts_the_change_of_the_loss():
    """Against a gate on the channels, by autograd."""
    module = Coupled().eval()
    nn.init.uniform_(module.norm.weight, 0.5, 1.5)
    nn.init.normal_(module.norm.bias)
    groups = find_groups(trace(module, (1, 2, 5, 5)))
    calibration = calibration_for(module, (1, 2, 5, 5), 2)
    gate = torch.ones(3, requires_grad=True)
    module.out.register_forward_pre_hook(lambda _m, args: (args[0] * gate,))
    sum(calibration.loss(module(x), y) for x, y in calibration.batches()).backward()
    module.out._forward_pre_hooks.clear()
    module.zero_grad()
    module.requires_grad_(False)
    torch.testing.assert_close(score(module, groups, "taylor", calibration)["a"], (gate.grad / 2).abs())
    assert not module.out.weight.requires_grad and module.out.weight.grad is None


@pytest.mark.parametrize("name", sorted(CRITERIA.all().keys() - {"bn-scale"}))
@pytest.mark.parametrize(
    "build", [lambda: nets.ResNet8(width=4), lambda: nets.MobileNetV2(10, 0.25), lambda: nets.UNet(4)]
)
def test_every_criterion_scores_residual_depthwise_and_concatenated_nets(name, build):
    module = nets.as_trained(build())
    shape = (1, 1, 16, 16) if isinstance(module, nets.UNet) else (1, 3, 32, 32)
    groups = find_groups(trace(module, shape))
    data = calibration_for(module, shape, 10)
    calibration = CalibrationData(
        data.batches, lambda outputs, targets: nn.functional.cross_entropy(outputs.flatten(1), targets)
    )
    if name == "bn-scale" and isinstance(module, nets.UNet):
        with pytest.raises(ModelError, match="up1 has none"):
            score(module, groups, name, calibration)
        return
    scores = score(module, groups, name, calibration)
    assert {group: len(s) for group, s in scores.items()} == groups.full_widths
    assert any(s.unique().numel() > 1 for s in scores.values())


@pytest.mark.parametrize("name", sorted(CRITERIA.all().keys() - {"bn-scale"}))
def test_every_criterion_states_what_it_is_and_where_it_comes_from(name):
    chosen = CRITERIA.all()[name]
    assert chosen.summary.endswith(".") or ":" in chosen.summary
    assert "Args:" in chosen.description and "Returns:" in chosen.description


def test_the_best_come_first_and_equals_in_their_own_order():
    module = nn.Sequential(nn.Conv2d(1, 5, 1, bias=False), nn.Flatten(), nn.Linear(5, 2)).eval()
    with torch.no_grad():
        module[0].weight[:] = torch.tensor([1.0, -3.0, 3.0, 5.0, 1.0]).reshape(5, 1, 1, 1)
    groups = find_groups(trace(module, (1, 1, 1, 1)))
    inputs, targets = torch.zeros(2, 1, 1, 1), torch.zeros(2, dtype=torch.long)
    ranking = rank_channels(module, groups, "l1", inputs, targets, nn.functional.cross_entropy)
    assert ranking == {"0": [3, 1, 2, 0, 4]}


def test_normalized_scores():
    scores = {"a": torch.tensor([1.0, 3.0, 3.0, 5.0]), "b": torch.zeros(2)}
    assert normalized(scores)["a"].tolist() == pytest.approx([1 / 3, 1.0, 1.0, 5 / 3])
    assert normalized(scores)["b"].tolist() == [0.0, 0.0]


def test_what_a_criterion_cannot_work_with_is_refused():
    module = Coupled()
    groups = find_groups(trace(module, (1, 2, 5, 5)))
    with pytest.raises(UsageError, match="no criterion is called 'taylr'") as caught:
        score(module, groups, "taylr")
    assert caught.value.hint == "did you mean 'taylor'?"
    with pytest.raises(UsageError, match="needs samples for its gradients"):
        score(module, groups, "taylor")
    with pytest.raises(DataError, match="no calibration samples"):
        score(module, groups, "taylor", CalibrationData(list, nn.functional.cross_entropy))
    with pytest.raises(DataError, match="the loss is nan"):
        nan = [(torch.full((1, 2, 5, 5), math.nan), torch.zeros(1, dtype=torch.long))]
        score(module, groups, "taylor", CalibrationData(lambda: nan, nn.functional.cross_entropy))


def test_removing_the_worst_channels_hurts_less_than_removing_the_best():
    """Where channels plainly differ, every cheap criterion must see it."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(64, 2)).eval()
    with torch.no_grad():
        module[0].weight[::2] *= 0.05
        module[0].bias.zero_()
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    x = torch.randn(16, 3, 8, 8)
    before = module(x)
    for name in ("l1", "l2", "group-norm", "fpgm", "taylor"):
        ranking = rank_channels(module, groups, name, x, torch.arange(16) % 2, nn.functional.cross_entropy)["0"]
        halves = ({"0": sorted(ranking[:4])}, {"0": sorted(ranking[4:])})
        damage = [(zeroed(module, groups, keep)(x) - before).square().mean() for keep in halves]
        assert damage[0] < damage[1], name


def test_readers_are_scored_by_what_reads_them_and_outputs_by_what_makes_them():
    """Channels of the network's output have no reader."""
    net = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.ReLU(), nn.Conv2d(3, 4, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.arange(6.0).reshape(3, 2, 1, 1))
        net[2].weight.copy_(torch.arange(12.0).reshape(4, 3, 1, 1) ** 2)
    groups = find_groups(trace(net.eval(), (1, 2, 4, 4)))
    (inner,) = groups.groups
    rows = _rows(inner, CRITERIA.find("neuron-norm"), dict(net.named_parameters()))
    torch.testing.assert_close(rows, net[2].weight.detach().flatten(1).T)
    made = replace(inner, slices=tuple(piece for piece in inner.slices if piece.role is not Role.READS))
    rows = _rows(made, CRITERIA.find("neuron-norm"), dict(net.named_parameters()))
    torch.testing.assert_close(rows, net[0].weight.detach().flatten(1))


class FixedFilters(nn.Module):
    """Channels that pass a blur, and channels of a bank of filters: both are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.mixed, self.head = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 5, 1), nn.Linear(10, 3)
        self.register_buffer("blur", torch.full((6, 1, 3, 3), 1 / 9))
        self.register_buffer("bank", torch.randn(5, 2, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        blurred = nn.functional.conv2d(self.conv(x).relu(), self.blur, stride=2, groups=len(self.blur))
        both = [self.mixed(blurred).relu().mean((2, 3)), nn.functional.conv2d(x, self.bank).relu().mean((2, 3))]
        return self.head(torch.cat(both, 1))


@pytest.mark.parametrize("name", sorted(CRITERIA.all().keys() - {"bn-scale"}))
def test_every_criterion_judges_channels_of_fixed_filters(name):
    torch.manual_seed(0)
    module, x, y = FixedFilters().eval(), torch.randn(16, 2, 9, 9), torch.arange(16) % 3
    groups = find_groups(trace(module, (1, 2, 9, 9)))
    data = CalibrationData(lambda: [(x, y)], nn.functional.cross_entropy)
    scores = score(module, groups, name, data)
    assert {key: len(values) for key, values in scores.items()} == groups.full_widths
    assert sorted(groups.full_widths.values()) == [5, 5, 6]
