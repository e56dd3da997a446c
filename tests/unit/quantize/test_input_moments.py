"""Mean and covariance of what weights are multiplied with, against what the layers give: of an output w x + b the mean
is w E[x] + b and the variance w C w'."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.export.tflite import channels_last, float_graph
from edgeprune.ir import Graph, Op
from edgeprune.model.trace import trace
from edgeprune.quantize.input_moments import InputMoments, group_count, rows_of_channels, rows_of_weights
from edgeprune.quantize.observe import observe
from edgeprune.quantize.runners import FloatRunner

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "padded": (lambda: nn.Conv2d(4, 6, 3, padding=1), (4, 7, 6)),
    "strided": (lambda: nn.Conv2d(4, 6, (3, 2), (2, 3), padding=(1, 0)), (4, 9, 8)),
    "dilated": (lambda: nn.Conv2d(4, 6, 3, padding=2, dilation=2), (4, 7, 9)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), (4, 7, 6)),
    "depthwise": (lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), (4, 7, 6)),
    "depthwise, two each": (lambda: nn.Conv2d(4, 8, 3, stride=2, groups=4), (4, 7, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, padding=1, output_padding=1), (4, 5, 4)),
    "transposed, wide steps": (lambda: nn.ConvTranspose2d(4, 6, 2, 3), (4, 3, 4)),
    "dense": (lambda: nn.Linear(12, 5), (12,)),
    "sequence": (lambda: nn.Conv1d(4, 6, 3, padding=1), (4, 9)),
}


def layer_of(graph: Graph) -> tuple[int, Op]:
    (found,) = [(index, op) for index, op in enumerate(graph.ops) if op.traits.has_weights]
    return found


def moments_of(name: str, samples: np.ndarray) -> tuple[Graph, int, InputMoments, np.ndarray]:
    """The graph, its layer, the layer's moments, and its outputs (all, channels)."""
    build, shape = LAYERS[name]
    torch.manual_seed(0)
    module = build().eval()
    graph = float_graph(trace(module, (1, *shape)), module)
    index, _ = layer_of(graph)
    seen = observe(FloatRunner(graph), samples)
    outputs = seen.outputs[0].reshape(-1, seen.outputs[0].shape[-1])
    return graph, index, seen.observation.inputs[index], outputs.astype(np.float64)


def drawn(name: str, count: int, seed: int = 0) -> np.ndarray:
    """Correlated, not around zero."""
    shape = LAYERS[name][1]
    noise = torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))
    return channels_last(noise.cumsum(1) + torch.arange(shape[0]).view(-1, *(1 for _ in shape[1:])))


@pytest.mark.parametrize("name", LAYERS)
def test_moments_give_mean_and_variance_of_the_outputs(name: str) -> None:
    graph, index, moments, outputs = moments_of(name, drawn(name, 12))
    op = graph.ops[index]
    weight, bias = (graph.tensors[position].data for position in op.inputs[1:3])
    assert weight is not None and bias is not None and moments.covariance is not None
    rows = rows_of_weights(weight.astype(np.float64), op, group_count(graph, op))
    mean = np.einsum("goi,gi->go", rows, moments.mean).reshape(-1) + bias
    variance = np.einsum("goi,gij,goj->go", rows, moments.covariance, rows).reshape(-1)
    assert moments.count == len(outputs)  # every pixel of every sample
    np.testing.assert_allclose(mean, outputs.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(variance, outputs.var(axis=0), rtol=1e-3)


@pytest.mark.parametrize("name", ["padded", "depthwise", "dense"])
def test_joined_moments_are_those_of_all_rows(name: str) -> None:
    samples = np.concatenate([drawn(name, 5), 3 * drawn(name, 7, 1)])
    apart = [moments_of(name, part)[2] for part in (samples[:5], samples[5:])]
    joined, whole = apart[0].joined(apart[1]), moments_of(name, samples)[2]
    assert joined.count == whole.count
    np.testing.assert_allclose(joined.mean, whole.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(joined.covariance, whole.covariance, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["padded", "grouped", "depthwise, two each", "transposed", "dense"])
def test_scaled_moments_are_those_of_scaled_channels(name: str) -> None:
    samples = drawn(name, 6)
    factors = np.linspace(0.5, 2, samples.shape[-1]).astype(np.float32)
    graph, index, moments, _ = moments_of(name, samples)
    scaled = moments.scaled(rows_of_channels(factors, graph, graph.ops[index]))
    expected = moments_of(name, samples * factors)[2]
    np.testing.assert_allclose(scaled.mean, expected.mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scaled.covariance, expected.covariance, rtol=1e-4, atol=1e-4)


def test_rows_that_are_too_many_are_drawn_from_everywhere() -> None:
    shape = (2, 64, 64)
    module = nn.Conv2d(2, 2, 1).eval()
    graph = float_graph(trace(module, (1, *shape)), module)
    samples = channels_last(torch.linspace(0, 1, 64 * 64).view(64, 64).expand(8, 2, 64, 64))
    moments = observe(FloatRunner(graph), samples).observation.inputs[layer_of(graph)[0]]
    assert 1000 < moments.count < 8 * 64 * 64
    np.testing.assert_allclose(moments.mean, 0.5, atol=0.03)
    assert moments.covariance is not None
    np.testing.assert_allclose(moments.covariance, 1 / 12, atol=0.01)
