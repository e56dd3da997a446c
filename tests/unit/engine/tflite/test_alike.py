"""Operators that are read as another kind."""

from __future__ import annotations

import pytest

from edgeprune.engine.tflite.alike import ALIKE, rule_of
from edgeprune.engine.tflite.attributes import RULES
from edgeprune.ir import OpKind


@pytest.mark.parametrize("kind", sorted(ALIKE))
def test_what_has_no_kernel_of_its_own_has_anothers(kind: str) -> None:
    assert kind not in set(OpKind) and rule_of(kind) == ALIKE[kind] and ALIKE[kind][0] in set(OpKind)


@pytest.mark.parametrize("kind", sorted(RULES))
def test_all_others_are_themselves(kind: OpKind) -> None:
    assert rule_of(kind) == (kind, RULES[kind])
