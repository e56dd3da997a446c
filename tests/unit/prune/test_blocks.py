"""Layers and blocks a network can do without: which they are, what is left, and least squares over the gap."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.reconstruct import Reconstruction
from edgeprune.prune.surgery.blocks import Block, find_blocks, without
from edgeprune.train.fake_quantized import FakeQuantized
from edgeprune.train.splits import make_splits
from tests import nets


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def layers_of(module: nn.Module, shape: tuple[int, ...]) -> set[tuple[str, ...]]:
    return {block.layers for block in find_blocks(module.eval(), shape)}


def test_a_residual_network_offers_layers_blocks_and_both_branches_of_an_addition() -> None:
    found = find_blocks(nets.ResNet8().eval(), (3, 32, 32))
    assert {(block.name, block.dropped_branch) for block in found} == {
        ("block1.conv1", None), ("block1.conv2", None), ("block1", None),
        ("block1.conv1 to block1.conv2", "block1.bn2"),
        ("block2.conv2", None), ("block2.conv1 to block2.conv2", "block2.bn2"), ("block2.shortcut", "block2.shortcut"),
        ("block3.conv2", None), ("block3.conv1 to block3.conv2", "block3.bn2"), ("block3.shortcut", "block3.shortcut"),
    }  # fmt: skip
    assert next(block for block in found if block.name == "block1.conv1").bypassed == ("block1.conv1", "block1.bn1")


def test_plain_and_depthwise_networks_offer_what_keeps_its_input_s_shape() -> None:
    assert layers_of(nets.DsCnn(width=8), (1, 49, 10)) == {(f"features.{n}",) for n in range(4, 28, 3)}
    assert layers_of(nets.Autoencoder(32, 16, 4), (32,)) == {(f"layers.{n}",) for n in (3, 6, 9, 18, 21, 24)}
    inverted = layers_of(nets.InvertedResidual(8, 8, 1, 2), (8, 6, 6))
    assert inverted == {("layers.1.0",)}  # the whole of a network, or of its only branch, is no block of it


@pytest.mark.parametrize("net", [nets.DenseNet(), nets.UNet()], ids=["DenseNet", "UNet"])
def test_where_every_layer_changes_its_input_s_shape_there_is_none(net: nn.Module) -> None:
    shape = (3, 32, 32) if isinstance(net, nets.DenseNet) else (1, 16, 16)
    assert find_blocks(net.eval(), shape) == []


def test_in_place_activations_and_modules_called_twice_do_no_harm() -> None:
    block = nn.Sequential(nn.Conv2d(3, 16, 1), nets.Bottleneck(16, 4, 1))
    assert ("1.conv2",) in layers_of(block, (3, 8, 8))

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.same = nn.Linear(4, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.same(self.same(x)))

    assert layers_of(Twice(), (4,)) == set()


class Parent(nn.Module):
    """An addition outside the branch's own module: passing the branch over would double the input."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4))
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.branch(x) + x)


def test_a_dropped_branch_adds_nothing_and_a_bypassed_one_its_input() -> None:
    module, x = Parent().eval(), torch.randn(5, 4)
    dropped, bypassed = sorted(find_blocks(module, (4,)), key=lambda block: block.dropped_branch is None)
    assert dropped.layers == bypassed.layers == ("branch.0", "branch.2")
    assert torch.equal(without(module, [dropped])(x), module.last(x))
    assert torch.equal(without(module, [bypassed])(x), module.last(2 * x))
    assert set(without(module, [dropped]).state_dict()) == {"last.weight", "last.bias"}
    assert "branch.0.weight" in module.state_dict()


def test_a_network_with_a_dropped_branch_can_be_trained_on_the_int8_grid() -> None:
    module, x = Parent().eval(), torch.randn(64, 4)
    dropped = next(block for block in find_blocks(module, (4,)) if block.dropped_branch is not None)
    shallow = without(module, [dropped])
    split = make_splits({"train": (x, torch.zeros(64, dtype=torch.long))}, (4,)).calibration
    assert torch.allclose(FakeQuantized(shallow, split)(split.tensor()), shallow(split.tensor()), atol=0.05)


def test_what_only_fed_a_dropped_branch_goes_with_it_whatever_its_shape() -> None:
    module = nn.Sequential(nets.as_trained(nets.BasicBlock(4, 8, 2)), nn.Flatten(), nn.Linear(128, 2)).eval()
    x = torch.randn(3, 4, 8, 8)
    main = next(block for block in find_blocks(module, (4, 8, 8)) if block.dropped_branch == "0.bn2")
    shallow = without(module, [main])
    assert torch.equal(shallow[0](x), module[0].shortcut(x).relu())
    assert {name.rpartition(".")[0] for name in shallow.state_dict()} == {"0.shortcut", "2"}
    graph = trace(shallow, (1, 4, 8, 8)).graph
    assert "ADD" not in [str(op.kind) for op in graph.ops]  # nothing is added: no third tensor lives


def solved_over_the_gap(module: nn.Module, block: Block, x: Tensor) -> nn.Module:
    groups = find_groups(trace(module, (1, *x.shape[1:])))
    shallow = without(module, [block])
    Reconstruction(module, groups, x).apply_without(shallow, find_groups(trace(shallow, (1, *x.shape[1:]))))
    return shallow


def test_a_linear_layer_behind_a_removed_one_becomes_their_product() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3)).eval()
    shallow = solved_over_the_gap(module, Block("0", ("0",), None, ("0",)), torch.randn(400, 4))
    first, second, product = module[0], module[1], shallow.get_parameter("1.weight")
    assert torch.allclose(product, second.weight @ first.weight, atol=2e-3)
    assert torch.allclose(shallow.get_parameter("1.bias"), second.weight @ first.bias + second.bias, atol=2e-3)


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 5)
        self.left = nn.Linear(5, 3)
        self.right = nn.Linear(5, 3)
        self.last = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.last((self.left(y) + self.right(y)).relu())


def test_a_branch_left_alone_outputs_the_whole_sum() -> None:
    module = Sum().eval()
    block = next(block for block in find_blocks(module, (4,)) if block.dropped_branch == "left")
    shallow = solved_over_the_gap(module, block, torch.randn(600, 4))
    x = torch.randn(50, 4)
    assert torch.allclose(shallow(x), module(x), atol=5e-3)
    assert not torch.allclose(without(module, [block])(x), module(x), atol=5e-2)
    assert torch.equal(shallow.get_parameter("stem.weight"), module.stem.weight)  # in front of the gap
