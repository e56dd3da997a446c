"""QUANTIZE and DEQUANTIZE at float ends, and QUANTIZE between int8 and uint8."""

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
    dtype = draw(st.sampled_from(["int8", "int8", "uint8"]))
    stored = {"dtype": dtype, "scale": scale, "zero": zero + (128 if dtype == "uint8" else 0)}

    def add(b: ModelBuilder) -> None:
        if quantize:
            data, output = b.input((300,), dtype="float32"), b.tensor((300,), **stored)
        else:
            data, output = b.input((300,), **stored), b.tensor((300,), "float32")
        options = schema.QuantizeOptionsT() if quantize else schema.DequantizeOptionsT()
        b.op("QUANTIZE" if quantize else "DEQUANTIZE", [data], [output], options)
        b.output(output)

    return Case(f"quantize={quantize} {dtype} {scale} {zero}", add)


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


@st.composite
def byte_ends(draw: st.DrawFn) -> Case:
    """Any two scales; often the same real values as int8 and as uint8, as converters write their ends."""
    types = [draw(st.sampled_from(["int8", "uint8"])) for _ in range(2)]
    scales, zeros, count = [draw(SCALES), draw(SCALES)], [draw(ZEROS), draw(ZEROS)], draw(st.integers(1, 300))
    if draw(st.booleans()):
        scales, zeros = [scales[0]] * 2, [zeros[0]] * 2
    zeros = [zero + 128 * (dtype == "uint8") for zero, dtype in zip(zeros, types, strict=True)]

    def add(b: ModelBuilder) -> None:
        data = b.input((count,), dtype=types[0], scale=scales[0], zero=zeros[0])
        output = b.tensor((count,), types[1], scale=scales[1], zero=zeros[1])
        b.op("QUANTIZE", [data], [output], schema.QuantizeOptionsT())
        b.output(output)

    return Case(f"{types} {scales} {zeros} {count}", add)


@FEW
@given(many(byte_ends()))
def test_byte_ends(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(byte_ends()))
def test_thousands_of_byte_ends(cases: list[Case]) -> None:
    check(cases)
