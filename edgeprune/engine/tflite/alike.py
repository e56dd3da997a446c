"""Operators that are read as another kind, which computes the same bytes: they need no kernel of their own."""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.engine.tflite.attributes import RULES, Rule
from edgeprune.engine.tflite.move_attributes import reverse
from edgeprune.engine.tflite.source import Source
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import NO_ATTRS, Attrs, GatherAttrs, OpKind


def _none(s: Source) -> Attrs:
    return NO_ATTRS


def _select(s: Source) -> Attrs:
    """A condition for each element, or one for all: SELECT's vector of conditions would choose whole rows."""
    condition, data = s.input(0).shape, s.input(1).shape
    if len(condition) == 1 and len(data) > 1 and condition != (1,):
        raise UnsupportedOp(f"{s.where}: conditions for whole rows", "use tf.where, which writes SELECT_V2")
    return NO_ATTRS


ALIKE: Mapping[str, tuple[OpKind, Rule]] = {
    "LESS": (OpKind.GREATER, Rule("", _none, (1, 0), required=2)),
    "LESS_EQUAL": (OpKind.GREATER_EQUAL, Rule("", _none, (1, 0), required=2)),
    "SELECT": (OpKind.SELECT_V2, Rule("", _select, required=3)),
    "REDUCE_ANY": (OpKind.REDUCE_MAX, RULES[OpKind.REDUCE_MAX]),
    "REDUCE_ALL": (OpKind.REDUCE_MIN, RULES[OpKind.REDUCE_MIN]),
    "REVERSE_V2": (OpKind.STRIDED_SLICE, Rule("", reverse, (0,))),
    "EMBEDDING_LOOKUP": (OpKind.GATHER, Rule("", lambda s: GatherAttrs(axis=0), (1, 0), required=2)),
}
"""Kind in a file -> kind in the graph, and how it is read."""


def rule_of(kind: str) -> tuple[OpKind, Rule]:
    """The kind of operator that a file's becomes, and how its attributes are read."""
    return ALIKE[kind] if kind in ALIKE and kind not in RULES else (OpKind(kind), RULES[OpKind(kind)])
