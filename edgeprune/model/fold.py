"""Arithmetic per channel that a layer has taken into its weights and bias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FoldKind(StrEnum):
    BATCH_NORM = "batch norm"  # weight, bias (absent without affine), running_mean, running_var
    SCALE = "scale"  # factor
    SHIFT = "shift"  # term


@dataclass(frozen=True)
class Fold:
    """Arithmetic per output channel folded into the exported layer. `parameters`: role -> name."""

    kind: FoldKind
    parameters: Mapping[str, str]
