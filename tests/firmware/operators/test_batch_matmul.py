"""BATCH_MATMUL on random shapes, transposed or not, batches broadcast."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder


@st.composite
def products(draw: st.DrawFn) -> Case:
    m, k, n = [draw(st.integers(1, 9)) for _ in range(3)]
    batches = draw(st.lists(st.integers(1, 4), max_size=2).map(tuple))
    repeats = tuple(1 if draw(st.booleans()) and draw(st.booleans()) else size for size in batches)
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    left, right = (k, m) if adj_x else (m, k), (n, k) if adj_y else (k, n)
    scales, zeros = [draw(SCALES) for _ in range(2)], [draw(ZEROS) for _ in range(3)]
    spread = draw(st.floats(-2, 8))

    def add(b: ModelBuilder) -> None:
        x = b.input((*batches, *left), scale=scales[0], zero=zeros[0])
        y = b.input((*repeats, *right), scale=scales[1], zero=zeros[1])
        output = b.tensor((*batches, m, n), scale=scales[0] * scales[1] * 2**spread, zero=zeros[2])
        options = schema.BatchMatMulOptionsT()
        options.adjX, options.adjY = adj_x, adj_y
        b.op("BATCH_MATMUL", [x, y], [output], options)
        b.output(output)

    return Case(f"{batches}x{left} {repeats}x{right} adj {adj_x} {adj_y}", add)


@FEW
@given(many(products()))
def test_batch_matmul(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(products()))
def test_thousands_of_batch_matmul(cases: list[Case]) -> None:
    check(cases)
