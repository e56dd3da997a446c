"""Channel groups of known networks, and that thinned networks have the shapes the groups predict."""

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import UsageError
from edgeprune.ir import Graph
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.predicted_graph import int8_form, predicted_graph
from tests import nets

NETS = {
    "resnet8": (nets.ResNet8, (1, 3, 32, 32)),
    "ds-cnn": (nets.DsCnn, (1, 1, 49, 10)),
    "autoencoder": (nets.Autoencoder, (1, 640)),
    "densenet": (nets.DenseNet, (1, 3, 32, 32)),
    "unet": (nets.UNet, (1, 1, 16, 16)),
    "mobilenet-v1": (nets.MobileNetV1, (1, 3, 96, 96)),
    "mobilenet-v2": (lambda: nets.MobileNetV2(classes=10, width=0.25), (1, 3, 64, 64)),
    "resnet-50": (lambda: nets.ResNet50(classes=10, width=4), (1, 3, 64, 64)),
}


def shapes(graph: Graph) -> list[tuple]:
    return [
        (op.kind, [graph.tensors[t].shape for t in op.inputs], [graph.tensors[t].shape for t in op.outputs])
        for op in graph.ops
    ]


def some_widths(groups: ChannelGroups, seed: int) -> dict[str, int]:
    generator = torch.Generator().manual_seed(seed)
    return {g.name: int(torch.randint(2, g.size + 1, (), generator=generator)) for g in groups.groups}


def some_units(groups: ChannelGroups, widths: dict[str, int], seed: int) -> dict[str, list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: sorted(torch.randperm(groups.by_name[name].size, generator=generator)[:width].tolist())
        for name, width in widths.items()
    }


@pytest.mark.parametrize("name", NETS)
def test_a_thinned_network_has_the_predicted_shapes_and_runs(name):
    build, shape = NETS[name]
    module = build()
    traced = trace(module, shape)
    groups = find_groups(traced)
    assert groups.groups
    widths = some_widths(groups, seed=1)
    thinned = thin(module, groups, some_units(groups, widths, seed=2))
    assert shapes(int8_form(trace(thinned, shape).graph)) == shapes(predicted_graph(traced, groups, widths))
    with torch.no_grad():
        assert thinned.eval()(torch.randn(shape)).shape == module.eval()(torch.randn(shape)).shape


def test_resnet8_groups():
    groups = find_groups(trace(nets.ResNet8(), (1, 3, 32, 32)))
    assert {g.name: g.size for g in groups.groups} == {
        "stem": 16, "block1.conv1": 16, "block2.conv1": 32, "block2.conv2": 32, "block3.conv1": 64, "block3.conv2": 64
    }  # fmt: skip
    stem = groups.by_name["stem"]
    assert stem.layers[:3] == ("stem", "block1.conv2", "block1.add")
    assert {(s.parameter, s.axis) for s in stem.slices} >= {
        ("stem.weight", 0), ("bn.bias", 0), ("block1.conv1.weight", 1), ("block1.conv2.weight", 0),
        ("block2.conv1.weight", 1),
    }  # fmt: skip
    assert [(f.layer, f.channels, f.reason) for f in groups.frozen] == [("fc", 10, "the network's output")]


def test_classes_shrink_only_when_asked():
    traced = trace(nets.ResNet8(), (1, 3, 32, 32))
    assert "fc" not in find_groups(traced).by_name
    groups = find_groups(traced, shrinkable_outputs=[0])
    thinned = thin(nets.ResNet8(), groups, {"fc": [1, 4]})
    assert thinned.fc.out_features == 2


def test_frozen_parameters_shrink_like_all_others():
    module = nets.ResNet8()
    module.requires_grad_(False)
    groups = find_groups(trace(module, (1, 3, 32, 32)))
    thinned = thin(module, groups, {"stem": range(4)})
    assert thinned.stem.weight.shape == (4, 3, 3, 3)
    assert not thinned.stem.weight.requires_grad


def test_unknown_groups_and_empty_ones_are_refused():
    module = nets.ResNet8()
    traced = trace(module, (1, 3, 32, 32))
    groups = find_groups(traced)
    with pytest.raises(UsageError, match="nosuch"):
        thin(module, groups, {"nosuch": [0]})
    with pytest.raises(UsageError, match="stem"):
        thin(module, groups, {"stem": []})
    with pytest.raises(UsageError, match="17 channels for stem, which has 16"):
        predicted_graph(traced, groups, {"stem": 17})


class Body(nn.Module):
    """A convolution, something in between, a convolution."""

    def __init__(self, between, channels: int = 8, **modules: nn.Module):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.between = between
        self.last = nn.Conv2d(channels, 4, 1)
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.between(self, self.first(x)))


def check(module: nn.Module, shape=(1, 3, 8, 8), shrinks=True) -> ChannelGroups:
    traced = trace(module, shape)
    groups = find_groups(traced)
    assert bool(groups.groups) is shrinks, groups.frozen
    for seed in range(3):
        widths = some_widths(groups, seed)
        thinned = thin(module, groups, some_units(groups, widths, seed))
        assert shapes(int8_form(trace(thinned, shape).graph)) == shapes(predicted_graph(traced, groups, widths))
    return groups


def test_chunks_lose_the_same_positions():
    groups = check(Body(lambda s, x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1], channels=4))
    assert groups.groups[0].size == 4


def test_slices_that_follow_the_size():
    check(Body(lambda s, x: torch.cat([x[:, x.shape[1] // 2 :], x[:, : x.shape[1] // 2]], 1)))


def test_slices_with_sizes_in_the_code_freeze_their_group():
    groups = check(Body(lambda s, x: x[:, 4:], channels=4), shrinks=False)
    assert "which channels it takes" in groups.frozen[0].reason
    assert groups.frozen[0].where.startswith("test_groups.py:")


def test_views_with_sizes_in_the_code_freeze_their_group():
    check(Body(lambda s, x: x.view(1, 8, 8, 8)), shrinks=False)
    check(Body(lambda s, x: x.view(x.shape)))


def shuffle(module, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def unshuffled(module, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, c // 2, 2, h, w).mean(2)


def test_channel_shuffle_and_its_inverse():
    assert check(Body(shuffle)).groups[0].size == 4
    assert check(Body(lambda s, x: nn.functional.channel_shuffle(x, 4))).groups[0].size == 2
    assert check(Body(unshuffled, channels=4)).groups[0].size == 4


def test_pixel_shuffle_drops_whole_squares():
    assert check(Body(lambda s, x: nn.functional.pixel_shuffle(x, 2), channels=2)).groups[0].size == 2


@pytest.mark.parametrize(
    "after", [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1)]
)
def test_places_that_hold_channels_are_left_whole(after: nn.Module):
    def between(module, x: Tensor) -> Tensor:
        return module.after(nn.functional.pixel_shuffle(module.four(x), 2))

    groups = check(Body(between, channels=1, four=nn.Conv2d(8, 4, 1), after=after))
    assert [group.name for group in groups.groups] == ["first"]


def test_grouped_and_depthwise_convolutions():
    groups = check(Body(lambda s, x: s.c(x), c=nn.Conv2d(8, 8, 3, padding=1, groups=2)))
    assert [(g.name, g.size) for g in groups.groups] == [("first", 4), ("c", 4)]
    groups = check(Body(lambda s, x: s.c(x), channels=16, c=nn.Conv2d(8, 16, 3, padding=1, groups=8)))
    assert [(g.name, g.size) for g in groups.groups] == [("first", 8)]


def test_softmax_over_channels_freezes():
    groups = check(Body(lambda s, x: torch.softmax(x, 1)), shrinks=False)
    assert groups.frozen[0].reason == "softmax over channels"


def test_weights_computed_in_forward_freeze():
    def standardized(module, x: Tensor) -> Tensor:
        weight = module.c.weight
        return nn.functional.conv2d(x, weight - weight.mean((1, 2, 3), keepdim=True))

    groups = check(Body(standardized, c=nn.Conv2d(8, 8, 1)), shrinks=False)
    assert any("computed from parameters" in frozen.reason for frozen in groups.frozen)


def test_a_layer_used_twice_couples_both_uses():
    groups = check(Body(lambda s, x: s.c(s.c(x)), c=nn.Conv2d(8, 8, 1)))
    assert [g.name for g in groups.groups] == ["first"]


def test_tied_parameters_are_cut_once():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = nn.Linear(6, 8)
            self.decode = nn.Linear(6, 8)
            self.decode.weight = self.encode.weight
            self.out = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.relu(self.encode(x)) + self.decode(x))

    module = Tied()
    groups = find_groups(trace(module, (1, 6)))
    thinned = thin(module, groups, {"encode": [0, 3, 5]})
    assert thinned.decode.weight is thinned.encode.weight
    assert thinned.decode.out_features == 3
    assert thinned(torch.zeros(1, 6)).shape == (1, 2)


@pytest.mark.parametrize("added", [(2, 1), (0, 3)])
def test_channels_added_at_a_border_belong_to_no_group_and_rows_added_move_none(added):
    """Zeros beside the channels: what reads them behind keeps its weights for the zeros and loses its own units'."""

    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 4, 3), nn.Conv2d(7, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(nn.functional.pad(self.first(x), (1, 0, 0, 2, *added)))

    net = Padded().eval()
    groups = find_groups(trace(net, (1, 1, 8, 8)))
    (group,) = groups.groups
    assert group.size == 4
    with torch.no_grad():
        net.first.weight[1], net.first.bias[1] = 0, 0
    thinned = thin(net, groups, {group.name: [0, 2, 3]})
    assert thinned.last.weight.shape == (3, 6, 1, 1)
    x = torch.randn(2, 1, 8, 8)
    torch.testing.assert_close(thinned(x), net(x))
