"""Which layers of a module have int16 activations once it is quantized: noted on the module, so that copies keep it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

_NOTE = "edgeprune_int16_layers"


def note_int16_layers(module: nn.Module, layers: Iterable[str]) -> None:
    """Args:
    layers: names of operators, as the trace calls them.
    """
    setattr(module, _NOTE, frozenset(layers))


def int16_layers(module: nn.Module) -> frozenset[str]:
    """Those noted; none where nobody noted any."""
    noted: frozenset[str] = getattr(module, _NOTE, frozenset())
    return noted
