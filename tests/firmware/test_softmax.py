"""SOFTMAX on random lengths, scales and betas."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder


@st.composite
def softmaxes(draw: st.DrawFn) -> Case:
    shape = (*draw(st.sampled_from([(1,), (3,), (1, 2, 2)])), draw(st.integers(1, 300)))
    scale, zero, beta = draw(SCALES), draw(ZEROS), draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=scale, zero=zero)
        output = b.tensor(shape, scale=1 / 256, zero=-128)
        options = schema.SoftmaxOptionsT()
        options.beta = beta
        b.op("SOFTMAX", [data], [output], options)
        b.output(output)

    return Case(f"{shape} scale {scale} beta {beta}", add)


@FEW
@given(many(softmaxes()))
def test_softmax(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(softmaxes()))
def test_thousands_of_softmax(cases: list[Case]) -> None:
    check(cases)
