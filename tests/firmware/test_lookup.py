"""Operators that map one value to another, for random scales and zero points."""

from __future__ import annotations

from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder

VALUES = 1024
"""Random; with three samples, one in 160,000 that any of the 256 is missing."""

FIXED_OUTPUT = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
KINDS = ["LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "QUANTIZE"]


@st.composite
def functions(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(KINDS))
    in_scale, in_zero = draw(SCALES), draw(ZEROS)
    out_scale, out_zero = FIXED_OUTPUT.get(kind) or (in_scale * 2 ** draw(st.floats(-2, 3)), draw(ZEROS))
    options: Any = schema.QuantizeOptionsT() if kind == "QUANTIZE" else None

    def add(b: ModelBuilder) -> None:
        data = b.input((VALUES,), scale=in_scale, zero=in_zero)
        output = b.tensor((VALUES,), scale=out_scale, zero=out_zero)
        b.op(kind, [data], [output], options)
        b.output(output)

    return Case(f"{kind} {in_scale} {in_zero} -> {out_scale} {out_zero}", add)


@FEW
@given(many(functions()))
def test_lookup(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@MANY
@given(many(functions()))
def test_thousands_of_lookups(cases: list[Case]) -> None:
    check(cases)
