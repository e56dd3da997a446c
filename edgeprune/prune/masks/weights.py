from __future__ import annotations

from collections.abc import Sequence

from edgeprune.prune.criteria.weights.lamp import layer_adaptive
from edgeprune.prune.masks.masking import Damage, Kernels, Scores


def weights(layers: Sequence[Kernels], damage: Damage) -> Scores:
    """Each weight alone, the smallest first: its square over those of the layer's weights at least as large.

    Han et al., "Learning both Weights and Connections for Efficient Neural Networks", NeurIPS 2015, arXiv:1506.02626;
    sparsity per layer: Lee et al., "Layer-adaptive sparsity for the Magnitude-based Pruning", ICLR 2021,
    arXiv:2010.07611.
    """
    return [layer_adaptive(layer.weights.square().flatten()).reshape(layer.weights.shape) for layer in layers]
