"""ARG_MAX, ARG_MIN and TOPK_V2 along random axes, ties included."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder


@st.composite
def maxima(draw: st.DrawFn) -> Case:
    shape, scale, zero = draw(shapes(4, 20)), draw(SCALES), draw(ZEROS)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    kind = draw(st.sampled_from(["ArgMaxOptionsT", "ArgMinOptionsT"]))
    out = tuple(size for index, size in enumerate(shape) if index != axis % len(shape))

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=scale, zero=zero)
        low = b.tensor(shape, scale=scale, zero=zero)
        b.op("RELU6", [data], [low])  # clamps, so that equals are frequent
        output = b.tensor(out, "int32")
        options = getattr(schema, kind)()
        options.outputType = schema.TensorType.INT32
        b.op("ARG_MAX" if "Max" in kind else "ARG_MIN", [low, b.ints(axis)], [output], options)
        b.output(output)

    return Case(f"{kind} {shape} on {axis}", add)


@st.composite
def greatest(draw: st.DrawFn) -> Case:
    shape, scale, zero = draw(shapes(4, 20)), draw(SCALES), draw(ZEROS)
    k = draw(st.integers(1, shape[-1]))

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=scale, zero=zero)
        low = b.tensor(shape, scale=scale, zero=zero)
        b.op("RELU6", [data], [low])
        values, places = b.tensor((*shape[:-1], k), scale=scale, zero=zero), b.tensor((*shape[:-1], k), "int32")
        b.op("TOPK_V2", [low, b.ints(k)], [values, places], schema.TopKV2OptionsT())
        b.output(values, places)

    return Case(f"{k} of {shape}", add)


@FEW
@given(many(st.one_of(maxima(), greatest())))
def test_arg_max(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(st.one_of(maxima(), greatest())))
def test_thousands_of_arg_max(cases: list[Case]) -> None:
    check(cases)
