"""QUANTIZE and DEQUANTIZE at float ends."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder


@st.composite
def float_ends(draw: st.DrawFn) -> Case:
    quantize, scale, zero = draw(st.booleans()), draw(SCALES), draw(ZEROS)

    def add(b: ModelBuilder) -> None:
        if quantize:
            data, output = b.input((300,), dtype="float32"), b.tensor((300,), scale=scale, zero=zero)
        else:
            data, output = b.input((300,), scale=scale, zero=zero), b.tensor((300,), "float32")
        options = schema.QuantizeOptionsT() if quantize else schema.DequantizeOptionsT()
        b.op("QUANTIZE" if quantize else "DEQUANTIZE", [data], [output], options)
        b.output(output)

    return Case(f"quantize={quantize} {scale} {zero}", add)


@FEW
@given(many(float_ends()))
def test_float_ends(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(float_ends()))
def test_thousands_of_float_ends(cases: list[Case]) -> None:
    check(cases)
