"""CAST between integers, and to float32."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, Case, check, many
from tests.firmware.one_op import TYPES, ModelBuilder

INTEGERS = [dtype for dtype in ("int8", "uint8", "int16", "int32", "int64") if dtype in TYPES]


@st.composite
def casts(draw: st.DrawFn) -> Case:
    source, target = draw(st.sampled_from(INTEGERS)), draw(st.sampled_from([*INTEGERS, "float32", "bool"]))
    count = draw(st.integers(1, 60))

    def add(b: ModelBuilder) -> None:
        data, output = b.input((count,), dtype=source), b.tensor((count,), target)
        options = schema.CastOptionsT()
        options.inDataType, options.outDataType = TYPES[source], TYPES[target]
        b.op("CAST", [data], [output], options)
        b.output(output)

    return Case(f"{source} {target} {count}", add)


@FEW
@given(many(casts()))
def test_casts(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(casts()))
def test_thousands_of_casts(cases: list[Case]) -> None:
    check(cases)
