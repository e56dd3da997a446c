"""Values of the weights that a mask keeps: their own, or 16 at most for a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from torch import nn

from edgeprune.fitting.granularity import Hold, zeros, zeros_again
from edgeprune.prune.masks.clusters import LEVELS, clustered, clustered_again, lies_on_levels
from edgeprune.prune.masks.masking import Kernels, Masks


class KeptWeights(Protocol):
    def synthetic(self, values: np.ndarray) -> np.ndarray:
        """Synthetic int8 weights, none of them zero, with the values such weights have in the file."""
        ...

    def hold(self, module: nn.Module, masks: Masks) -> Hold:
        """Gives the module's weights such values, in place; the returned function does again after a training step."""
        ...

    def again(self, module: nn.Module) -> Hold:
        """As `hold`, for a module that was masked before."""
        ...

    def compress_unmasked(self, layers: Sequence[Kernels]) -> bool:
        """Whether these layers take less flash though none of their weights is zero."""
        ...


class OwnValues:
    def synthetic(self, values: np.ndarray) -> np.ndarray:
        return values

    def hold(self, module: nn.Module, masks: Masks) -> Hold:
        return zeros(module, masks)

    def again(self, module: nn.Module) -> Hold:
        return zeros_again(module)

    def compress_unmasked(self, layers: Sequence[Kernels]) -> bool:
        return False


class SharedValues:
    """Those of `prune/masks/clusters.py`."""

    def synthetic(self, values: np.ndarray) -> np.ndarray:
        width = 256 // LEVELS
        return values.astype(np.int16) // width * width + width // 2

    def hold(self, module: nn.Module, masks: Masks) -> Hold:
        return clustered(module, masks)

    def again(self, module: nn.Module) -> Hold:
        return clustered_again(module)

    def compress_unmasked(self, layers: Sequence[Kernels]) -> bool:
        return all(lies_on_levels(layer.weights.flatten(1)) for layer in layers)
