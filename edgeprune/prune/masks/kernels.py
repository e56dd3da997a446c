from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from edgeprune.prune.criteria.weights.lamp import layer_adaptive
from edgeprune.prune.masks.masking import Damage, Kernels, Scores


def kernels(layers: Sequence[Kernels], damage: Damage) -> Scores:
    """Whole kernels, the weights of one filter for one input channel: the smallest sum of squares first, per weight,
    each over those of the layer's kernels at least as large. The kernel of a 1x1 convolution or a linear layer is one
    weight.

    Mao et al., "Exploring the Granularity of Sparsity in Convolutional Neural Networks", CVPR workshops 2017,
    arXiv:1705.08922 (2-D kernels); sparsity per layer: as in `weights`.
    """
    return [spread(layer_adaptive(layer.weights.square().sum(2).flatten()), layer) for layer in layers]


def spread(scores: Tensor, layer: Kernels) -> Tensor:
    """(kernels,) -> the same share of its kernel's score for every weight."""
    return (scores / layer.taps).reshape(*layer.weights.shape[:2], 1).expand(layer.weights.shape)
