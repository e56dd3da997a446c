"""Trains the head of an early exit: a linear classifier on features half-way through a trained network.

The network itself stays as it is, so that the outputs of inputs which go on are unchanged ("IC-only training" of
Kaya, Hong, Dumitras, "Shallow-Deep Networks", ICML 2019, arXiv:1810.07052).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.model.exits import ExitPlace, watched
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.splits import Split

_BATCH = 256
_STEPS = 100
_DECAY = 1e-3  # on weights of features of variance 1
_MAX_FEATURES = 1 << 26  # features held at once: 256 MiB


def halfway_features(module: nn.Module, places: Sequence[ExitPlace], split: Split) -> tuple[Tensor, list[Tensor]]:
    """The network's outputs (N, classes), and at each place the features (N, F) a head reads there.

    Args:
        split: as many of its first samples are taken as memory allows.
    """
    kept: dict[str, list[Tensor]] = {place.after: [] for place in places}
    by_path = {place.after: place for place in places}

    def note(path: str, output: object) -> None:
        assert isinstance(output, Tensor)
        kept[path].append(by_path[path].pooled(output.detach()).float().clone())

    outputs: list[Tensor] = []
    with torch.no_grad(), watched(module, list(by_path), note), fastest_order(split, module) as order:
        for batches in kept.values():
            batches.clear()  # of the sample the order was tried on
        for part in torch.split(split.inputs, _BATCH):
            outputs.append(module(arranged(split.real(part), order)).float())
            features = sum(batches[0].shape[1] for batches in kept.values())
            if features * sum(map(len, outputs)) > _MAX_FEATURES:
                break
    return torch.cat(outputs), [torch.cat(parts) for parts in kept.values()]


def trained_layer(features: Tensor, targets: Tensor, classes: int) -> nn.Linear:
    """The linear classifier of least cross-entropy plus a little weight decay, by L-BFGS; always the same.

    Args:
        features: (N, F) float32.
        targets: (N,) class labels.
    """
    mean, deviation = features.mean(0), features.std(0, unbiased=False).clamp_min(1e-6)
    normal = (features - mean) / deviation
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(normal @ weight.T + bias, targets) + _DECAY / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    layer = nn.Linear(features.shape[1], classes)
    with torch.no_grad():
        layer.weight.copy_(weight / deviation)
        layer.bias.copy_(bias - (weight * mean / deviation).sum(1))
    return layer.requires_grad_(False)


def trained_head(module: nn.Module, place: ExitPlace, split: Split) -> nn.Sequential:
    """A head for this network at this place, trained on a split; the network is not changed."""
    outputs, (features,) = halfway_features(module, [place], split)
    layer = trained_layer(features, split.targets[: len(features)], outputs.shape[1])
    head = place.head(*reversed(layer.weight.shape))
    head.fc = layer
    return head.eval()
