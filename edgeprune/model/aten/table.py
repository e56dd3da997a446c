"""ATen operator -> the function that adds it to the draft. One file per family registers its own."""

from __future__ import annotations

from collections.abc import Callable

from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call

Lowering = Callable[[Draft, Call], None]
TABLE: dict[str, Lowering] = {}


def lowers(*targets: str) -> Callable[[Lowering], Lowering]:
    def register(lowering: Lowering) -> Lowering:
        for target in targets:
            TABLE[f"aten.{target}"] = lowering
        return lowering

    return register
