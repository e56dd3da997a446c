"""Thinned and masked networks give the same output, and lose nothing that could be kept."""

import copy

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.network import Network
from edgeprune.prune.surgery.thin import apply_widths, thin, widths_of, zeroed
from tests import nets


def half(groups, seed: int = 0) -> dict[str, list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return {g.name: torch.randperm(g.size, generator=generator)[: max(1, g.size // 2)].tolist() for g in groups.groups}


def output(module: nn.Module, *inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return module.eval()(*inputs)


NETS = {
    "resnet8": (nets.ResNet8, (1, 3, 32, 32)),
    "ds-cnn": (lambda: nets.DsCnn(width=16), (1, 1, 49, 10)),
    "autoencoder": (lambda: nets.Autoencoder(64, 16, 4), (1, 64)),
    "densenet": (nets.DenseNet, (1, 3, 32, 32)),
    "unet": (nets.UNet, (1, 1, 16, 16)),
    "mobilenet-v2": (lambda: nets.MobileNetV2(classes=10, width=0.25), (1, 3, 64, 64)),
    "resnet-50": (lambda: nets.ResNet50(classes=10, width=4), (1, 3, 64, 64)),
}


@pytest.mark.parametrize("name", NETS)
def test_masked_and_thinned_networks_agree(name):
    build, shape = NETS[name]
    module = nets.as_trained(build())
    groups = find_groups(trace(module, shape))
    keep = half(groups)
    x = torch.randn(3, *shape[1:])
    before = {key: value.clone() for key, value in module.state_dict().items()}
    thinned, masked = thin(module, groups, keep), zeroed(module, groups, keep)
    torch.testing.assert_close(output(thinned, x), output(masked, x), rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    assert sum(p.numel() for p in thinned.parameters()) < sum(p.numel() for p in module.parameters())


class Unpadded(nn.Module):
    """Every way a constant travels, without zero padding: all of them can be kept exactly."""

    def __init__(self, affine: bool = True) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, bias=False)
        self.bn_a = nn.BatchNorm2d(8, affine=affine)
        self.b = nn.Conv2d(8, 8, 1)  # reads a, corrected in its bias
        self.c = nn.Conv2d(8, 6, 3, bias=False)  # reads a + b, corrected in its batch norm
        self.bn_c = nn.BatchNorm2d(6)
        self.d = nn.Conv2d(6, 6, 1, groups=2, bias=False)  # reads c, needs a new bias
        self.gate = nets.SqueezeExcite(6, 3)
        self.up = nn.ConvTranspose2d(6, 5, 2, 1, bias=False, padding=1)
        self.fc1 = nn.Linear(5 * 2 * 2, 7)
        self.bn_f = nn.BatchNorm1d(7)
        self.fc2 = nn.Linear(14, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn_a(self.a(x)))
        y = torch.relu(self.bn_c(self.c(y + nn.functional.hardswish(self.b(y)))))
        y = self.up(nn.functional.interpolate(self.gate(torch.sigmoid(self.d(y))), scale_factor=1.25))
        y = self.bn_f(self.fc1(nn.functional.max_pool2d(y, 2).flatten(1)))
        return self.fc2(torch.cat([torch.tanh(y), torch.relu(y)], 1))


def held_at_their_mean(module: nn.Module, groups, keep) -> nn.Module:
    """What the thinned network should equal: removed channels without signal, everything else untouched."""
    held = copy.deepcopy(module)
    parameters = dict(held.named_parameters())
    for group in groups.groups:
        gone = sorted(set(range(group.size)) - set(keep[group.name]))
        for piece in group.slices:
            norm = "bn" in piece.parameter
            makes_channels = piece.axis == (1 if piece.parameter == "up.weight" else 0)
            if piece.parameter.endswith("weight") and (norm or makes_channels):
                parameters[piece.parameter].data.index_fill_(
                    piece.axis, torch.from_numpy(piece.indices[gone].ravel()).long(), 0.0
                )
    return held


def test_constants_of_removed_channels_are_kept_exactly():
    module = nets.as_trained(Unpadded())
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    assert len(groups.groups) == 6
    keep = half(groups)
    x = torch.randn(4, 3, 8, 8)
    held = held_at_their_mean(module, groups, keep)
    thinned = thin(module, groups, keep)
    torch.testing.assert_close(output(thinned, x), output(held, x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(output(zeroed(module, groups, keep), x), output(held, x), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(output(thinned, x), output(module, x), atol=1e-3)


def test_under_padding_the_mean_of_the_constant_is_kept():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 3, stride=2, padding=1, bias=False)).eval()
    with torch.no_grad():
        module[0].bias.copy_(torch.tensor([0.5, -1.0, 2.0, 0.1]))
    groups = find_groups(trace(module, (1, 3, 6, 6)))
    keep = {"0": [0, 3]}
    edited = copy.deepcopy(module)
    edited[0].weight.data[[1, 2]] = 0
    x = torch.randn(2, 3, 6, 6)
    difference = output(thin(module, groups, keep), x) - output(edited, x)
    assert difference.abs().max() > 1e-3  # at the border
    torch.testing.assert_close(difference.mean((0, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)


def test_a_saved_architecture_is_rebuilt_from_widths(tmp_path):
    module = nets.as_trained(Unpadded())
    groups = find_groups(trace(module, (1, 3, 8, 8)))
    once = thin(module, groups, half(groups))
    twice_groups = find_groups(trace(once, (1, 3, 8, 8)))
    twice = thin(once, twice_groups, {twice_groups.groups[0].name: [0, 2]})
    torch.save(twice.state_dict(), tmp_path / "weights.pt")
    widths = widths_of(twice.state_dict(), groups)
    assert widths[groups.groups[0].name] == 2
    rebuilt = apply_widths(Unpadded(), groups, widths)
    rebuilt.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(output(rebuilt, x), output(twice, x))


def test_a_network_is_loaded_again_though_a_group_of_one_unit_is_none_of_its_own(tmp_path):
    """What cannot shrink any more is no group of the thinned network; its width is in its parameters."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(96, 5)).eval()
    whole = Network.of(module, (3, 8, 8))
    for keep in ({"0": [1]}, {"0": [2], "2": [5]}, {"0": [0, 1], "2": [3]}):
        thinned = Network.of(thin(module, whole.groups, keep), (3, 8, 8))
        assert not {name for name, units in keep.items() if len(units) == 1} & {*thinned.widths}
        thinned.save(tmp_path)
        again = whole.load_thinned(tmp_path, (3, 8, 8))
        x = torch.randn(2, 3, 8, 8)
        torch.testing.assert_close(output(again.module, x), output(thinned.module, x))
        assert again.widths == thinned.widths


def test_a_foreign_module_is_refused():
    groups = find_groups(trace(nets.ResNet8(), (1, 3, 32, 32)))
    with pytest.raises(ModelError, match="no parameter"):
        thin(nets.DsCnn(), groups, {"stem": [0, 1]})
    with pytest.raises(ModelError, match="width of stem"):
        widths_of(nets.DsCnn().state_dict(), groups)


def test_attributes_follow_the_parameters():
    module = nets.MobileNetV1()
    groups = find_groups(trace(module, (1, 3, 96, 96)))
    thinned = thin(module, groups, {"features.0.0": [0, 1, 5]})
    first, depthwise = thinned.features[0], thinned.features[1][0]
    assert (first[0].out_channels, first[1].num_features) == (3, 3)
    assert (depthwise.in_channels, depthwise.out_channels, depthwise.groups) == (3, 3, 3)


def test_every_attribute_that_repeats_a_shape_follows_it():
    class All(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 8, 3)
            self.norm = nn.BatchNorm2d(8)
            self.slopes = nn.PReLU(8)
            self.depthwise = nn.Conv2d(8, 16, 3, groups=8)
            self.up = nn.ConvTranspose2d(16, 6, 2, 2)
            self.wide = nn.Linear(6, 10)
            self.last = nn.Linear(10, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.depthwise(self.slopes(self.norm(self.first(x))))
            x = torch.relu(self.up(x)).mean((2, 3))
            return self.last(torch.relu(self.wide(x)))

    torch.manual_seed(0)
    module = All()
    groups = find_groups(trace(module, (1, 1, 9, 9)))
    thinned = thin(module, groups, half(groups))
    (first, depthwise, up) = (thinned.first.out_channels, thinned.depthwise.out_channels, thinned.up.out_channels)
    assert (first, depthwise, up) == (4, 8, 3)
    assert (thinned.norm.num_features, thinned.slopes.num_parameters) == (4, 4)
    assert (thinned.depthwise.in_channels, thinned.depthwise.groups, thinned.up.in_channels) == (4, 4, 8)
    assert (thinned.wide.in_features, thinned.wide.out_features, thinned.last.in_features) == (3, 5, 5)


def test_a_layer_used_twice_takes_the_mean_of_its_constants():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.shared = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.shared(self.a(x)) - self.shared(self.b(x))

    module = Twice().eval()
    groups = find_groups(trace(module, (1, 3)))
    keep = {"a": [0, 2]}
    x = torch.randn(2, 3)
    torch.testing.assert_close(output(thin(module, groups, keep), x), output(zeroed(module, groups, keep), x))
    gone = (module.a.bias + module.b.bias).detach()[[1, 3]] / 2
    expected = module.shared.bias + module.shared.weight[:, [1, 3]] @ gone
    torch.testing.assert_close(thin(module, groups, keep).shared.bias, expected)
