"""Moments of what a layer reads are those of the rows it multiplies its weights with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("torchao", reason="edgeprune[executorch] is not installed")

from edgeprune.export.pte.layer_inputs import Layer, LayerRows
from edgeprune.export.pte.observers import PerChannelWeights

CONV2D, CONV1D, LINEAR = torch.ops.aten.conv2d.default, torch.ops.aten.conv1d.default, torch.ops.aten.linear.default


@pytest.mark.parametrize(
    ("target", "weight", "sample", "rest"),
    [
        (CONV2D, (4, 3, 3, 3), (1, 3, 6, 5), ([1, 1], [1, 1], [1, 1], 1)),
        (CONV2D, (6, 2, 3, 2), (1, 6, 7, 8), ([2, 1], [1, 0], [1, 2], 3)),
        (CONV2D, (5, 1, 3, 3), (1, 5, 6, 6), ([2, 2], [1, 1], [1, 1], 5)),
        (CONV1D, (4, 3, 3), (1, 3, 9), ([2], [1], [1], 1)),
        (LINEAR, (4, 6), (2, 3, 6), ()),
    ],
)
def test_weights_times_the_mean_are_the_mean_output(
    target: Any, weight: tuple[int, ...], sample: tuple[int, ...], rest: tuple[Any, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    weights, groups = torch.randn(weight, generator=generator), rest[-1] if rest else 1
    node = SimpleNamespace(target=target, args=(None, None, None, *rest))
    layer = Layer((node,), "weight", weights, None, PerChannelWeights(dtype=torch.int8), 0.0, groups)
    samples = [torch.randn(sample, generator=generator) for _ in range(3)]
    gathered = LayerRows(layer, len(samples))
    for one in samples:
        gathered.add(node, one)
    moments = gathered.moments()
    outputs = torch.cat([_outputs(target(one, weights, None, *rest)) for one in samples])
    rows = layer.rows(weights).numpy().astype(np.float64)
    means = np.einsum("goi,gi->go", rows, moments.mean).reshape(-1)
    assert np.allclose(means, outputs.mean(0).numpy(), atol=1e-5)
    assert moments.covariance is not None
    variances = np.einsum("goi,gij,goj->go", rows, moments.covariance, rows).reshape(-1)
    assert np.allclose(variances, outputs.var(0, unbiased=False).numpy(), rtol=1e-4)


def _outputs(values: Tensor) -> Tensor:
    """(pixels, channels)."""
    is_dense = values.ndim == 3 and values.shape[0] == 2
    return values.reshape(-1, values.shape[-1]) if is_dense else values[0].flatten(1).T
