"""GATHER along random axes, from activations and from constant tables, with constant and computed indices."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder


@st.composite
def gathers(draw: st.DrawFn) -> Case:
    shape, picked = draw(shapes(4)), draw(shapes(2, 4))
    axis = draw(st.integers(0, len(shape) - 1))
    constant_table = draw(st.booleans())
    scale, zero, seed = draw(SCALES), draw(ZEROS), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        table = rng.integers(-128, 128, shape) if constant_table else None
        data = (b.tensor if constant_table else b.input)(shape, scale=scale, zero=zero, data=table)
        indices = b.ints(rng.integers(0, shape[axis], picked))
        output = b.tensor((*shape[:axis], *picked, *shape[axis + 1 :]), scale=scale, zero=zero)
        if constant_table:  # the indices come from an operator, so that nothing is constant there
            indices = b.tensor(picked, "int32")
            arg_max = schema.ArgMaxOptionsT()
            arg_max.outputType = schema.TensorType.INT32
            b.op("ARG_MAX", [b.input((*picked, shape[axis]), scale=1.0), b.ints(len(picked))], [indices], arg_max)
        options = schema.GatherOptionsT()
        options.axis = axis
        b.op("GATHER", [data, indices], [output], options)
        b.output(output)

    return Case(f"{picked} of {shape} on {axis} constant_table={constant_table}", add)


@FEW
@given(many(gathers()))
def test_gather(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(gathers()))
def test_thousands_of_gather(cases: list[Case]) -> None:
    check(cases)
