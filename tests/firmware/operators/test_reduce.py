"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over random axes."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder


@st.composite
def reductions(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"]))
    shape = draw(shapes(4, 9))
    axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=len(shape)))
    keep = draw(st.booleans())
    in_scale, in_zero = draw(SCALES), draw(ZEROS)
    out_scale, out_zero = (
        (in_scale, in_zero) if kind.startswith("REDUCE") else (in_scale * 2 ** draw(st.floats(-2, 3)), draw(ZEROS))
    )
    gone = {axis % len(shape) for axis in axes}
    out = tuple(1 if axis in gone else size for axis, size in enumerate(shape) if keep or axis not in gone)

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=in_scale, zero=in_zero)
        output = b.tensor(out, scale=out_scale, zero=out_zero)
        options = schema.ReducerOptionsT()
        options.keepDims = keep
        b.op(kind, [data, b.ints(axes)], [output], options)
        b.output(output)

    return Case(f"{kind} {shape} over {axes} {in_scale} {in_zero} {out_scale} {out_zero}", add)


@FEW
@given(many(reductions()))
def test_reduce(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(reductions()))
def test_thousands_of_reductions(cases: list[Case]) -> None:
    check(cases)
