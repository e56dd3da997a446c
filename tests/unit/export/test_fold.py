from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.export.fold import fold_batch_norms, last_layers, layer_of, name_layers


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.bn2 = nn.BatchNorm2d(channels, affine=False)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))) + x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU6())
        self.block = Block(6)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 5)
        self.bn_fc = nn.BatchNorm1d(5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.up(self.block(self.stem(x))))
        return self.bn_fc(self.fc(x.mean((2, 3))))


class Odd(nn.Module):
    """One batch norm behind nothing, one behind a convolution somebody else reads too."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.conv, self.bn = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.before(x))
        return self.bn(y) + y


class Twice(nn.Module):
    """One convolution called twice: each call needs a folded weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.one, self.two = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.conv(self.one(self.conv(x))))


def shaken(module: nn.Module) -> nn.Module:
    """Batch norms with statistics of their own, as after training."""
    torch.manual_seed(1)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            if layer.affine:
                layer.weight.data.normal_()
                layer.bias.data.normal_()
    return module.eval()


def exported(module: nn.Module, example: Tensor) -> torch.fx.GraphModule:
    return torch.export.export(module, (example,)).module(check_guards=False)


@pytest.mark.parametrize(("net", "left"), [(Net(), 0), (Odd(), 2), (Twice(), 0)])
def test_batch_norms_behind_a_layer_of_their_own_go_and_nothing_changes(net: nn.Module, left: int) -> None:
    shaken(net)
    example = torch.randn(1, 3, 8, 8)
    module = exported(net, example)
    fold_batch_norms(module)
    assert len([node for node in module.graph.nodes if "batch_norm" in str(node.target)]) == left
    assert torch.allclose(module(example), net(example), atol=1e-5)


def test_layers_are_named_by_their_whole_path() -> None:
    module = exported(Net().eval(), torch.randn(1, 3, 8, 8))
    fold_batch_norms(module)
    name_layers(module)
    calls = [node for node in module.graph.nodes if node.op == "call_function"]
    labels = [next(iter(node.meta["nn_module_stack"].values()))[0] for node in calls]
    assert labels[:4] == ["stem/0", "stem/0", "block/conv1", "block/conv1"]
    assert "block/add" in labels and "mean" in labels
    assert last_layers(module) == ["fc"]


@pytest.mark.parametrize(
    ("tensor", "layer"), [("_block1/conv1;;_block1/conv1;1", "block1.conv1"), (";_fc;", "fc"), ("", "")]
)
def test_layer_of(tensor: str, layer: str) -> None:
    assert layer_of(tensor) == layer
