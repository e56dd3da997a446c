"""Weights rounded by what they are multiplied with: the layer's output changes less, and not in its mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.tflite import channels_last, float_graph
from edgeprune.ir import Graph
from edgeprune.model.trace import trace
from edgeprune.quantize.input_moments import InputMoments, group_count, rows_of_weights
from edgeprune.quantize.observe import observe
from edgeprune.quantize.quantized import quantized
from edgeprune.quantize.ranges import min_max
from edgeprune.quantize.round_weights import adaptive, nearest_with_bias
from edgeprune.quantize.runners import FloatRunner, IntegerRunner
from edgeprune.quantize.weights import FloatLayer, RoundedLayer, Rounding, to_nearest

MODULES = {
    "conv": lambda: nn.Conv2d(6, 8, 3, padding=1),
    "grouped": lambda: nn.Conv2d(6, 8, 3, groups=2),
    "depthwise": lambda: nn.Conv2d(6, 6, 3, padding=1, groups=6),
    "transposed": lambda: nn.ConvTranspose2d(6, 8, 2, 2),
    "many inputs": lambda: nn.Conv2d(6, 8, 5),
}  # fmt: skip
LIMIT = 127


def graph_of(name: str) -> Graph:
    torch.manual_seed(0)
    module = MODULES[name]().eval()
    return float_graph(trace(module, (1, 6, 9, 8)), module)


def samples(count: int = 24) -> np.ndarray:
    """Neighbouring pixels and channels are alike, as in images, and nothing is below zero, as behind a ReLU."""
    noise = torch.randn(count, 6, 9, 8, generator=torch.Generator().manual_seed(1))
    return channels_last(torch.relu(noise.cumsum(1) + noise.cumsum(2) + 0.5))


def moments_of(graph: Graph) -> InputMoments:
    return observe(FloatRunner(graph), samples()).observation.inputs[0]


def layer_of(graph: Graph, levels: int) -> FloatLayer:
    """In steps of which the largest weight has `levels`."""
    op, weight = graph.ops[0], graph.tensors[graph.ops[0].inputs[1]].data
    assert weight is not None and op.traits.weight_output_axis is not None
    scale = np.float32(np.abs(weight).max() / levels)
    scales = np.full(weight.shape[op.traits.weight_output_axis], scale)
    return FloatLayer(op, weight.astype(np.float64) / scale, scales, LIMIT, in_scale=0.01)


def errors(graph: Graph, layer: FloatLayer, rounded: RoundedLayer) -> np.ndarray:
    """(groups, outputs, inputs), in steps."""
    wanted, got = (
        rows_of_weights(steps, layer.op, group_count(graph, layer.op)) for steps in (layer.steps, rounded.steps)
    )
    return got - wanted


def power(error: np.ndarray, moments: InputMoments) -> np.ndarray:
    """(outputs,) of what rounding changes, in steps, its mean aside."""
    found: np.ndarray = np.einsum("goi,gij,goj->go", error, moments.covariance, error).reshape(-1)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_outputs_change_less_than_by_nearest_steps(name: str) -> None:
    graph = graph_of(name)
    moments, layer = moments_of(graph), layer_of(graph, 7)
    nearest, chosen = (make(graph, {0: moments})(layer) for make in (nearest_with_bias, adaptive))
    before, after = (power(errors(graph, layer, one), moments) for one in (nearest, chosen))
    assert after.sum() < (0.9 if graph.tensors[graph.ops[0].inputs[1]].size_bytes < 1024 else 0.65) * before.sum()
    assert np.array_equal(chosen.steps, np.round(chosen.steps)) and np.abs(chosen.steps).max() <= LIMIT
    assert not np.array_equal(chosen.steps, layer.nearest) and np.array_equal(nearest.steps, layer.nearest)


def test_inputs_that_are_not_correlated_are_rounded_to_nearest() -> None:
    graph = graph_of("conv")
    layer, count = layer_of(graph, 7), 6 * 9
    plain = InputMoments(np.zeros((1, count)), np.diag(np.linspace(1, 9, count))[None], 100)
    assert np.array_equal(adaptive(graph, {0: plain})(layer).steps, layer.nearest)


@pytest.mark.parametrize("make", [nearest_with_bias, adaptive])
@pytest.mark.parametrize("name", MODULES)
def test_the_bias_takes_the_mean_of_what_rounding_changes(name: str, make: object) -> None:
    graph = graph_of(name)
    moments, layer = moments_of(graph), layer_of(graph, 7)
    rounded = make(graph, {0: moments})(layer)  # type: ignore[operator]
    mean = np.einsum("goi,gi->go", errors(graph, layer, rounded), moments.mean).reshape(-1) * layer.scales
    assert np.abs(mean).max() > 1e-3
    np.testing.assert_allclose(rounded.bias_change, -mean, rtol=1e-6, atol=1e-9)


def test_layers_that_were_not_observed_and_rows_without_covariance_are_rounded_to_nearest() -> None:
    graph = graph_of("conv")
    layer, moments = layer_of(graph, 7), moments_of(graph)
    for inputs in ({}, {0: InputMoments(moments.mean, None, moments.count)}):
        assert np.array_equal(adaptive(graph, inputs)(layer).steps, layer.nearest)
    assert not adaptive(graph, {})(layer).bias_change.any()


def test_columns_far_apart_are_rounded_in_view_of_each_other() -> None:
    """Two equal inputs with more columns between them than one block: what one is off the other makes good."""
    graph = graph_of("many inputs")  # rows of 150
    rng, count = np.random.default_rng(0), 150
    inputs = rng.normal(size=(2000, count))
    inputs[:, 140] = inputs[:, 3]
    moments = InputMoments(inputs.mean(axis=0)[None], np.cov(inputs.T)[None], len(inputs))
    layer = layer_of(graph, 7)
    error = errors(graph, layer, adaptive(graph, {0: moments})(layer))[0]
    apart = errors(graph, layer, RoundedLayer(layer.nearest, np.zeros(8)))[0]
    assert np.abs(error[:, 3] + error[:, 140]).mean() < 0.7 * np.abs(apart[:, 3] + apart[:, 140]).mean()


def mean_shift(graph: Graph, rounding: Rounding) -> float:
    """Of the int8 layer's outputs, of their standard deviation."""
    made = quantized(graph, min_max(observe(FloatRunner(graph), samples()).observation.activations), rounding=rounding)
    floats, ints = FloatRunner(graph), IntegerRunner(made, made.outputs)
    wanted, got = (
        np.stack([runner.run((sample[None],))(graph.outputs[0]).copy() for sample in samples()]).reshape(-1, 8)
        for runner in (floats, ints)
    )
    return float(np.abs((got - wanted).mean(axis=0) / wanted.std(axis=0)).max())


def test_the_int8_layer_has_the_mean_of_the_float_one() -> None:
    graph = graph_of("many inputs")
    moments = {0: moments_of(graph)}
    plain = mean_shift(graph, to_nearest)
    assert mean_shift(graph, nearest_with_bias(graph, moments)) < 0.5 * plain
    assert mean_shift(graph, adaptive(graph, moments)) < 0.5 * plain
