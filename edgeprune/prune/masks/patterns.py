from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.prune.criteria.weights.lamp import layer_adaptive
from edgeprune.prune.masks.masking import Damage, Kernels, Scores

_KEPT = 4 / 9  # of a kernel's entries
_FEWEST_TAPS = 9
_PATTERNS = 8


def patterns(layers: Sequence[Kernels], damage: Damage) -> Scores:
    """A pattern inside every kernel: 4 of 9 entries, the middle one always, one of 8 patterns for the whole network;
    then whole kernels, the smallest first. Layers whose kernels have fewer than 9 entries lose single weights.

    The 8 are the most frequent patterns of the kernels' largest entries; each kernel gets the one of them that keeps
    most of its squares.

    Ma et al., "PCONV: The Missing but Desirable Sparsity in DNN Weight Pruning", AAAI 2020, arXiv:1909.05073; Niu et
    al., "PatDNN", ASPLOS 2020, arXiv:2001.00138 (the choice of patterns, and kernels going altogether).
    """
    known = {layer.taps: dictionary([one for one in layers if one.taps == layer.taps]) for layer in layers}
    scores = []
    for layer in layers:
        squares = layer.weights.square()
        if layer.taps < _FEWEST_TAPS:
            single = layer_adaptive(squares.sum(2).flatten()).reshape(*squares.shape[:2], 1) / layer.taps
            scores.append(single.expand(squares.shape))
            continue
        left = squares @ known[layer.taps].T.float()  # (outputs, inputs, patterns)
        best = left.max(dim=2)
        stays = known[layer.taps][best.indices]
        score = layer_adaptive(best.values.flatten()).reshape(*squares.shape[:2], 1) / entries(layer.taps)
        scores.append(torch.where(stays, score, -1.0))
    return scores


def entries(taps: int) -> int:
    """How many entries a pattern keeps of a kernel."""
    return max(1, round(taps * _KEPT))


def dictionary(layers: Sequence[Kernels]) -> Tensor:
    """(patterns, taps) bool: the most frequent patterns of largest entries in these layers, all of the same taps."""
    votes: Counter[tuple[bool, ...]] = Counter()
    for layer in layers:
        sizes = layer.weights.square().flatten(0, 1).clone()
        sizes[:, layer.centre] = torch.inf
        chosen = torch.zeros_like(sizes, dtype=torch.bool)
        chosen.scatter_(1, sizes.topk(entries(layer.taps), dim=1).indices, True)
        rows, counts = torch.unique(chosen, dim=0, return_counts=True)
        for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
            votes[tuple(row)] += count
    ordered = sorted(votes, key=lambda row: (-votes[row], row))
    return torch.tensor(ordered[:_PATTERNS])
