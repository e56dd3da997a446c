"""Random PyTorch networks: every layer that is traced, in random places, with random settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tests.random_layers_of_torch import (
    Builder,
    Do,
    Step,
    activation,
    adaptive,
    branches,
    conv,
    crop,
    depthwise,
    function,
    gate,
    norm,
    norm_of,
    pad,
    parts,
    pool,
    rearranged,
    residual,
    transposed,
    upsample,
)

_LARGEST = 40  # rows or columns
_MOST_ELEMENTS = 12_000

_STEPS: Sequence[tuple[Step, float]] = (
    (conv, 5), (depthwise, 2), (transposed, 1.5), (function, 3), (pool, 2), (adaptive, 0.3), (upsample, 1),
    (pad, 1), (crop, 0.7), (norm, 1), (residual, 2), (gate, 1), (branches, 1), (parts, 1), (rearranged, 1.5),
)  # fmt: skip


def _head(b: Builder, x: Tensor) -> nn.Module:
    """From an image or a sequence to a vector."""
    axes = tuple(range(2, x.dim()))
    ways: list[Callable[[Tensor], Tensor]] = [
        lambda x: x.mean(axes), lambda x: x.amax(axes), lambda x: x.sum(axes), lambda x: x.flatten(1),
    ]  # fmt: skip
    way = ways[int(b.rng.integers(len(ways)))]
    features, hidden, classes = way(x).shape[1], b.pick(2, 10), b.pick(1, 6)
    layers: list[nn.Module] = [Do(way)]
    if b.chance(0.5):
        layers += [nn.Linear(features, hidden, bias=b.chance(0.7))]
        layers += [norm_of(b, hidden, 0)] if b.chance(0.5) else []
        layers += [activation(b, hidden), nn.Dropout()]
        features = hidden
    layers.append(nn.Linear(features, classes))
    if b.chance(0.3):
        layers.append([nn.Softmax(1), nn.Sigmoid(), nn.Tanh(), nn.ReLU()][b.pick(0, 3)])
    return nn.Sequential(*layers)


def random_module(seed: int, steps: int = 6) -> tuple[nn.Module, tuple[int, ...]]:
    """A network in evaluation mode and the shape of its input, batch first.

    Args:
        steps: layers, or small groups of them.
    """
    torch.manual_seed(seed)
    b = Builder(np.random.default_rng(seed))
    sizes = (b.pick(4, 16), b.pick(4, 16)) if b.chance(0.75) else (b.pick(8, 40),)
    shape = (1, b.pick(1, 6), *sizes)
    chances = np.array([weight for _, weight in _STEPS])
    layers: list[nn.Module] = []
    x = torch.randn(shape)
    with torch.no_grad():
        while len(layers) < steps:
            step = _STEPS[int(b.rng.choice(len(_STEPS), p=chances / chances.sum()))][0]
            layer = step(b, x).eval()
            try:
                y = layer(x)
            except RuntimeError:
                continue  # windows beyond the image
            if max(y.shape[2:]) > _LARGEST or y.numel() > _MOST_ELEMENTS or not y.numel():
                continue
            layers, x = [*layers, layer], y
        if b.chance(0.75):
            layers.append(_head(b, x).eval())
    return nn.Sequential(*layers).eval(), shape
