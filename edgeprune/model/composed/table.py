"""ATen operator -> its composition. One file per family registers its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Composition = Callable[[Mapping[str, Any]], Any]
"""The operator's arguments by name -> its results; NotImplemented where the operator is better left as it is."""

COMPOSED: dict[str, Composition] = {}


def composes(*names: str) -> Callable[[Composition], Composition]:
    """Registers a composition. names: of ATen operators, with their overload where that matters."""

    def register(composition: Composition) -> Composition:
        COMPOSED.update({f"aten.{name}": composition for name in names})
        return composition

    return register
