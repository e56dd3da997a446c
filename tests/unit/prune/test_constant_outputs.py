"""What channels without a signal put out, against the network itself run without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.ir import BatchMatmulAttrs, Op, OpKind
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.surgery.constant_outputs import _of_columns, constant_outputs


def silent(padding: nn.Module) -> tuple[nn.Sequential, TracedModel]:
    """A padded convolution that reads nothing."""
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), padding, nn.AvgPool2d(2), nn.Conv2d(4, 2, 1)).eval()
    with torch.no_grad():
        module[0].weight.zero_()
        module[0].bias.copy_(torch.tensor([0.5, -1.0, 2.0, 0.1]))
    return module, trace(module, (1, 3, 6, 6))


def constants_of(module: nn.Module, traced: TracedModel, kind: OpKind) -> np.ndarray:
    values = {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}
    (op,) = (op for op in traced.graph.ops if op.kind is kind)
    return constant_outputs(traced, values)[op.outputs[0]]


def test_zero_padding_leaves_the_constant_that_is_nearest_to_the_padded_image() -> None:
    module, traced = silent(nn.ZeroPad2d((1, 2, 0, 1)))
    constants = constants_of(module, traced, OpKind.PAD)
    padded = module[:3](torch.randn(1, 3, 6, 6)).detach().double().numpy().transpose(0, 2, 3, 1)
    assert constants.shape == (1, 1, 1, 4)
    np.testing.assert_allclose(constants, padded.mean(axis=(1, 2), keepdims=True), rtol=1e-6)
    nearest = np.square(padded - constants).sum()
    assert all(np.square(padded - constants - change).sum() > nearest for change in (-0.01, 0.01))


def test_mirrored_borders_change_no_constant() -> None:
    module, traced = silent(nn.ReflectionPad2d(1))
    constants = constants_of(module, traced, OpKind.MIRROR_PAD)
    np.testing.assert_allclose(constants.ravel(), [0.5, 0.0, 2.0, 0.1], rtol=1e-6)


@pytest.mark.parametrize(
    "activation",
    [
        nn.Identity(), nn.ReLU(), nn.ReLU6(), nn.Hardtanh(), nn.Sigmoid(), nn.Tanh(), nn.Hardswish(), nn.ELU(),
        nn.GELU(), nn.MaxPool2d(2), nn.AvgPool2d(3), nn.Upsample(scale_factor=2),
    ],
    ids=lambda activation: type(activation).__name__,
)  # fmt: skip
def test_a_constant_goes_through_as_the_network_computes_it(activation: nn.Module) -> None:
    """Around each bend of each curve, and beyond."""
    first, last = nn.Conv2d(3, 10, 1), nn.Conv2d(10, 2, 1)
    module = nn.Sequential(first, activation, last).eval()
    with torch.no_grad():
        first.weight.zero_()
        first.bias.copy_(torch.tensor([-7.0, -3.5, -2.0, -0.9, -0.2, 0.0, 0.4, 2.0, 5.0, 9.0]))
        wanted = module[:2](torch.randn(1, 3, 6, 6))[0, :, 0, 0].double().numpy()
    traced = trace(module, (1, 3, 6, 6))
    values = {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}
    end = next(op for op in reversed(traced.graph.ops) if op.traits.has_weights)
    found = constant_outputs(traced, values)[end.inputs[0]]
    np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("adj_y", [False, True])
def test_rows_that_sum_to_one_leave_the_mean_of_the_columns_they_weigh(adj_y: bool) -> None:
    columns = np.arange(24.0).reshape(1, 2, 3, 4)
    op = Op(OpKind.BATCH_MATMUL, "weighed", (0, 1), (2,), BatchMatmulAttrs(adj_x=False, adj_y=adj_y))
    found = _of_columns({1: columns}, op)
    summed = columns.swapaxes(-1, -2) if adj_y else columns
    weights = np.full((1, 2, 5, summed.shape[-2]), 1 / summed.shape[-2])
    product = weights @ summed
    np.testing.assert_allclose(np.broadcast_to(found, product.shape), product)
