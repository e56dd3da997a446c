"""What `run` and `verify` need of a place that computes a model: a board, or a program on a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Replaying:
    """A model where it runs.

    Attributes:
        source: "device", "emulator", or "host" where this machine's own build of the same C stands in.
        place: what computes, for messages: "board", "program".
        build_id: as it names itself there.
        outputs: (N, input bytes) uint8 -> each sample's output bytes, as they come.
        note: what the results do not show; None where nothing is left out.
    """

    source: str
    place: str
    build_id: str
    outputs: Callable[[np.ndarray], Iterator[np.ndarray]]
    note: str | None = None
