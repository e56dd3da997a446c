"""Weights that share at most 16 values a layer: a codebook the engine stores 4 bits a weight with.

The values are those of the int8 file, whose rows have scales of their own: of each output's largest weight. So a weight
is its output's scale times one of the layer's levels, and -1 and 1 are levels always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from edgeprune.prune.masks.masking import Damage, Kernels, Masks, Scores
from edgeprune.prune.masks.weights import weights as weights_alone

LEVELS = 16
_ROUNDS = 30
_STEPS = 127  # int8's
_TIE = 1e-3  # of a step


def clustered(module: nn.Module, masks: Masks) -> Callable[[], None]:
    """Moves the weights that stay to their layer's levels, in place; others become zero.

    Returns:
        A function that ties the same weights again after a training step: each cluster to the mean of its weights.
    """
    return _holding([(module.get_parameter(name), mask) for name, mask in masks.items()], _nearest_levels)


def clustered_again(module: nn.Module) -> Callable[[], None]:
    """As `clustered`, for the layers of a module whose weights lie on levels already."""
    lying = [weights for weights in module.parameters() if weights.dim() > 1 and lies_on_levels(weights)]
    return _holding([(weights, weights != 0) for weights in lying], _own_levels)


def lies_on_levels(weights: Tensor) -> bool:
    """Whether the weights that are not zero have at most 16 int8 values."""
    rows = weights.detach().flatten(1)
    return len(torch.unique(_steps_of(rows)[rows != 0])) <= LEVELS


def clusters(layers: Sequence[Kernels], damage: Damage) -> Scores:
    """At most 16 values a layer, 4 bits a weight; where that is not enough weights go first, as in `weights`.

    Clusters come from k-means, starting at evenly spaced values, and are held through training: there a cluster moves
    by the mean of its weights' steps (by the sum of their gradients in the paper).

    Han, Mao, Dally, "Deep Compression", ICLR 2016, arXiv:1510.00149 (without the Huffman codes).
    """
    return weights_alone(layers, damage)


def _holding(
    masked: list[tuple[nn.Parameter, Tensor]], nearest: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[], None]:
    indexed = [(weights, mask, nearest(weights.detach().flatten(1), mask.flatten(1))) for weights, mask in masked]

    def hold() -> None:
        with torch.no_grad():
            for weights, mask, indices in indexed:
                rows, stays = weights.flatten(1).cpu(), mask.flatten(1)
                levels, scales = fitted(rows, stays, indices)
                weights.copy_((scales * levels[indices] * stays).reshape(weights.shape))

    hold()
    return hold


def _nearest_levels(weights: Tensor, mask: Tensor) -> Tensor:
    """(outputs, n) -> int64 indices of levels by k-means, from levels spaced evenly; the ends stay at -1 and 1."""
    relative = _relative(weights * mask)
    levels = torch.linspace(-1, 1, LEVELS, device=weights.device)
    for _ in range(_ROUNDS):
        indices = _nearest(relative, levels)
        for level in range(1, LEVELS - 1):
            members = relative[(indices == level) & mask]
            if len(members):
                levels[level] = members.mean()
    return _nearest(relative, levels)


def _own_levels(weights: Tensor, mask: Tensor) -> Tensor:
    """Indices of the levels that weights lie on; the first and the last are the ends."""
    steps = _steps_of(weights)
    inner = torch.unique(steps[mask])
    inner = inner[inner.abs() < _STEPS]
    indices = torch.bucketize(steps, inner) + 1
    indices[steps == -_STEPS] = 0
    indices[steps == _STEPS] = LEVELS - 1
    return indices.clamp(0, LEVELS - 1)


def fitted(weights: Tensor, mask: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """Levels (16,) in -1..1 and scales (outputs, 1) nearest to the weights by least squares, in turn.

    Levels keep away from where int8 rounds up or down, so that a cluster stays one value in the file.
    """
    tiny = torch.finfo(weights.dtype).tiny
    levels = torch.linspace(-1, 1, LEVELS, device=weights.device)
    scales = (weights.abs() * mask).amax(1, keepdim=True)
    for _ in range(2):
        spread = scales.expand_as(weights)
        flat = indices[mask]
        above = torch.zeros_like(levels).index_add_(0, flat, (weights * spread)[mask])
        below = torch.zeros_like(levels).index_add_(0, flat, spread.square()[mask])
        levels = torch.where(below > 0, above / below.clamp_min(tiny), levels).clamp(-1, 1)
        levels[0], levels[-1] = -1.0, 1.0
        wanted = levels[indices] * mask
        scales = (weights * wanted).sum(1, keepdim=True) / wanted.square().sum(1, keepdim=True).clamp_min(tiny)
        scales = scales.clamp_min(0)
    steps = levels * _STEPS
    near_tie = (steps - steps.floor() - 0.5).abs() < _TIE
    return torch.where(near_tie, steps + 2 * _TIE, steps) / _STEPS, scales


def _relative(weights: Tensor) -> Tensor:
    """Over the largest of each output."""
    return weights / weights.abs().amax(1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)


def _steps_of(weights: Tensor) -> Tensor:
    """Their int8 values."""
    return (_relative(weights) * _STEPS).round()


def _nearest(values: Tensor, levels: Tensor) -> Tensor:
    """Indices of the nearest levels, which ascend."""
    return torch.bucketize(values, (levels[1:] + levels[:-1]) / 2)
