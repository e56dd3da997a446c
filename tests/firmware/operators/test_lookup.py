"""Operators that map one value to another, for random scales and zero points."""

from __future__ import annotations

from collections.abc import Sequence
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
KINDS = [
    "LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "QUANTIZE", "LEAKY_RELU", "HARD_SWISH", "GELU", "ABS", "SQRT",
    "RSQRT", "EXP", "LOG", "NEG", "RELU_0_TO_1",
]  # fmt: skip


def make_options(draw: st.DrawFn, kind: str) -> Any:
    if kind == "QUANTIZE":
        return schema.QuantizeOptionsT()
    if kind == "LEAKY_RELU":
        options = schema.LeakyReluOptionsT()
        options.alpha = draw(st.sampled_from([0.01, 0.1, 0.3, 1.5]))
        return options
    if kind == "GELU":
        options = schema.GeluOptionsT()
        options.approximate = draw(st.booleans())
        return options
    return None


@st.composite
def functions(draw: st.DrawFn, kinds: Sequence[str] = KINDS) -> Case:
    kind = draw(st.sampled_from(kinds))
    in_scale, in_zero = draw(SCALES), draw(ZEROS)
    out_scale, out_zero = FIXED_OUTPUT.get(kind) or (in_scale * 2 ** draw(st.floats(-2, 3)), draw(ZEROS))
    if kind == "RSQRT":
        in_zero, out_scale = -128, 2 ** draw(st.floats(-4, 1)) / in_scale**0.5  # negative inputs are an error
    if kind == "SQRT":
        in_zero, out_scale = -128, 2 ** draw(st.floats(-4, 1)) * in_scale**0.5
    if kind == "EXP":
        in_scale, out_scale = in_scale / 64, 2 ** draw(st.floats(-6, 4))
    options = make_options(draw, kind)

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


@FEW
@given(many(functions(["ELU"])))
def test_elu(cases: list[Case]) -> None:
    """BUILTIN_REF has no ELU; LiteRT's optimized kernels tabulate it."""
    check(cases, resolver="BUILTIN_WITHOUT_DEFAULT_DELEGATES")


def test_elu_next_to_a_tie() -> None:
    """exp(x) - 1 and expm1(x) round to different steps here; LiteRT computes the latter (found by random networks)."""

    def add(b: ModelBuilder) -> None:
        data = b.input((VALUES,), scale=0.002349717076867819, zero=-61)
        output = b.tensor((VALUES,), scale=0.0023033299949020147, zero=-65)
        b.op("ELU", [data], [output])
        b.output(output)

    check([Case("ELU next to a tie", add)], resolver="BUILTIN_WITHOUT_DEFAULT_DELEGATES")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(functions()))
def test_thousands_of_lookups(cases: list[Case]) -> None:
    check(cases)
