"""C identifiers of layers, recognizable as the layers of the model."""

from __future__ import annotations

import re

from edgeprune.ir import Graph

_LONGEST = 24


def layer_names(graph: Graph) -> list[str]:
    """`layer_07_block2_conv1` for each op: its position, and the end of its name."""
    digits = max(2, len(str(max(len(graph.ops) - 1, 0))))
    return [f"layer_{index:0{digits}}_{_tail(op.name)}" for index, op in enumerate(graph.ops)]


def _tail(name: str) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name.lower()) if word]
    tail = ""
    for word in reversed(words):
        longer = f"{word}_{tail}" if tail else word
        if len(longer) > _LONGEST:
            break
        tail = longer
    return tail or "op"
