from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.prune.masks.masking import Damage, Kernels, Scores
from edgeprune.prune.masks.weights import weights

_DRAWS = 32
_BETTER = 8
_KEPT = 0.5  # of each layer's weights in a draw


def randomized(layers: Sequence[Kernels], damage: Damage) -> Scores:
    """Masks drawn at random, each tried on samples, the better ones averaged: a weight's score is in how many of the
    best 8 of 32 draws it stayed, and among equals its magnitude decides.

    A draw keeps half of each layer's weights, with odds by size. Drawing and trying before any training: Li et al.,
    "Breaking through Deterministic Barriers: Randomized Pruning Mask Generation and Selection", EMNLP Findings 2023,
    arXiv:2310.13183; they go on with the best draw alone, here several are averaged.
    """
    generator = torch.Generator().manual_seed(0)
    draws: list[tuple[float, int, list[Tensor]]] = []
    for _ in range(_DRAWS):
        masks = [drawn(layer.weights, generator) for layer in layers]
        named = {layer.parameter: mask for layer, mask in zip(layers, masks, strict=True)}
        draws.append((damage(named), len(draws), masks))
    better = [masks for _, _, masks in sorted(draws, key=lambda draw: draw[:2])[:_BETTER]]
    sizes = weights(layers, damage)
    return [
        torch.stack([masks[number] for masks in better]).float().mean(0) + size / (_BETTER + 1)
        for number, size in enumerate(sizes)
    ]


def drawn(values: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the weights, drawn one after the other without putting back, each with odds by its magnitude.

    The largest of `log|w| + Gumbel noise` are such a draw (Kool et al. 2019, arXiv:1903.06059).
    """
    noise = -torch.log(-torch.log(torch.rand(values.shape, generator=generator).clamp(1e-12, 1 - 1e-7)))
    keys = (values.abs().clamp_min(1e-12).log() + noise).flatten()
    mask = torch.zeros(len(keys), dtype=torch.bool)
    mask[keys.topk(max(1, int(_KEPT * len(keys)))).indices] = True
    return mask.reshape(values.shape)
