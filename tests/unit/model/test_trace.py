"""Tracing: the operators, shapes and parameters of known networks, and what cannot be traced."""

import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Activation, Conv2dAttrs, OpKind, attrs_of
from edgeprune.model.trace import TracedModel, trace
from tests.nets import DsCnn, ResNet8, UNet


def kinds(traced: TracedModel) -> list[OpKind]:
    return [op.kind for op in traced.graph.ops]


def test_resnet8_becomes_convolutions_adds_mean_and_dense():
    traced = trace(ResNet8(), (1, 3, 32, 32))
    assert [kind for kind in kinds(traced) if kind is not OpKind.RESHAPE] == [
        *[OpKind.CONV_2D] * 3, OpKind.ADD, *[OpKind.CONV_2D] * 3, OpKind.ADD, *[OpKind.CONV_2D] * 3, OpKind.ADD,
        OpKind.MEAN, OpKind.FULLY_CONNECTED,
    ]  # fmt: skip
    strided = next(op for op in traced.graph.ops if op.name == "block2.conv1")
    assert attrs_of(strided, Conv2dAttrs).pad == (1, 1, 1, 1)
    assert strided.activation is Activation.RELU
    assert traced.graph.output_of(strided).shape == (1, 16, 16, 32)


def test_batch_norm_parameters_stand_behind_the_folded_bias():
    traced = trace(ResNet8(), (1, 3, 32, 32))
    bias = traced.graph.ops[0].inputs[2]
    assert {piece.name for piece in traced.slices[bias]} == {
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
    }
    weight = traced.graph.ops[0].inputs[1]
    assert traced.slices[weight][0].name == "stem.weight"
    assert traced.slices[weight][0].axes == (0, 2, 3, 1)


def test_padding_goes_into_the_convolution():
    first = trace(DsCnn(), (1, 1, 49, 10)).graph.ops[0]
    assert first.kind is OpKind.CONV_2D
    assert attrs_of(first, Conv2dAttrs).pad == (4, 5, 1, 1)


def test_tracing_leaves_the_module_alone():
    module = ResNet8().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    trace(module, (1, 3, 32, 32))
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())


def test_names_are_unique_and_execution_order_is_kept():
    graph = trace(UNet(), (1, 1, 16, 16)).graph
    assert len({op.name for op in graph.ops}) == len(graph.ops)
    made = set(graph.inputs)
    for op in graph.ops:
        assert all(graph.tensors[tensor].is_constant or tensor in made for tensor in op.inputs)
        made.update(op.outputs)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:  # the line the error must name
            return x
        return -x


class HardView(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(99, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.view(-1, 99))


def test_data_dependent_control_flow_is_refused_with_the_line():
    with pytest.raises(ModelError, match=r"test_trace\.py:\d+") as caught:
        trace(Branching(), (1, 3, 4, 4))
    assert "value of a tensor" in caught.value.message
    assert caught.value.hint


def test_a_failing_forward_pass_is_named_with_the_line():
    with pytest.raises(ModelError, match=r"input 1x3x4x4 at test_trace\.py:\d+"):
        trace(HardView(), (1, 3, 4, 4))


def test_all_unsupported_operators_are_named_at_once():
    norms = [nn.BatchNorm2d(4, track_running_stats=False) for _ in range(2)]
    with pytest.raises(UnsupportedOp, match="without running statistics"):
        trace(nn.Sequential(nn.Conv2d(3, 4, 3), *norms), (1, 3, 8, 8))


def test_a_view_that_cannot_be_taken_anew_is_refused():
    class Stale(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x + 1
            view = y.diagonal(dim1=2, dim2=3)
            y.mul_(2)
            return view

    with pytest.raises(ModelError, match="in-place"):
        trace(Stale(), (1, 3, 4, 4))


def test_in_place_activations_are_followed():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            z = torch.relu_(y)
            return y + z

    graph = trace(Shared(), (1, 3, 4, 4)).graph
    assert [op.kind for op in graph.ops] == [OpKind.CONV_2D, OpKind.ADD]
    assert graph.ops[0].activation is Activation.RELU
    assert len(set(graph.ops[1].inputs)) == 1


class Arithmetic(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 1 - (x * 2 + 0.5) / 4


def test_numbers_in_arithmetic_become_scalar_constants():
    graph = trace(Arithmetic(), (1, 3, 4, 4)).graph
    scalars = [float(tensor.data) for tensor in graph.tensors if tensor.data is not None]
    assert [op.kind for op in graph.ops] == [OpKind.MUL, OpKind.ADD, OpKind.MUL, OpKind.SUB]
    assert scalars == [2.0, 0.5, 0.25, 1.0]
