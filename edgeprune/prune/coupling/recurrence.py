"""Layers and directions of one recurrent module of torch: it has one number of hidden units for all of them."""

from __future__ import annotations

from torch import nn

from edgeprune.prune.coupling.labels import Tracker


def tie_layers(tracker: Tracker) -> None:
    """Unit k of every layer and direction goes with unit k of the first."""
    for path, module in tracker.traced.skeleton.named_modules():
        if isinstance(module, nn.RNNBase):
            names = [name for name, _ in module.named_parameters() if name.startswith("weight_hh")]
            keys = [(f"{path}.{name}" if path else name, 1) for name in names]
            units = [tracker.parameters[key] for key in keys if key in tracker.parameters]
            for others in units[1:]:
                tracker.tie(units[0], others)
