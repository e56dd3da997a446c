"""Random one-operator cases: how they are drawn, put side by side into one model, and checked against LiteRT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.firmware.host_engine import assert_same_bytes, random_samples
from tests.firmware.one_op import ModelBuilder

# A failing model is not shrunk but split: `check` finds the case at fault and names it.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
FEW = settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=_PHASES)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=_PHASES)
SAMPLES = 3

SCALES = st.floats(-10, 2).map(lambda exponent: float(np.float32(2.0**exponent)))
ZEROS = st.integers(-128, 127)
SEEDS = st.integers(0, 2**32 - 1)
ACTIVATIONS = st.sampled_from([0, 1, 2, 3])
PADDINGS = st.sampled_from([schema.Padding.SAME, schema.Padding.VALID])


@dataclass(frozen=True)
class Case:
    """One operator; `add` puts it into a model, `text` names it where a check fails."""

    text: str
    add: Callable[[ModelBuilder], None]

    def __repr__(self) -> str:
        return self.text


def many(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[list[Case]]:
    """About thirty cases a model."""
    return st.lists(cases, min_size=16, max_size=40)


def check(cases: Sequence[Case], resolver: str = "BUILTIN_REF") -> None:
    """All cases in one model: the engine's bytes are LiteRT's, under the sanitizers."""
    try:
        _check_together(cases, resolver)
    except Exception:
        for case in cases:
            try:
                _check_together([case], resolver)
            except Exception as fault:
                raise AssertionError(f"{case}: {fault}") from fault
        raise


def _check_together(cases: Sequence[Case], resolver: str) -> None:
    builder = ModelBuilder()
    for case in cases:
        case.add(builder)
    model = builder.build()
    assert_same_bytes(model, random_samples(model, SAMPLES, seed=len(model)), resolver=resolver)


def shapes(rank_max: int = 5, largest: int = 7) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, largest), min_size=1, max_size=rank_max).map(tuple)
