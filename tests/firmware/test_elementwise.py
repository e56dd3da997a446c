"""ADD, SUB, MUL, MAXIMUM, MINIMUM, PRELU with broadcasting, constants on either side, random scales and activations."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import ACTIVATIONS, FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder

OPTIONS = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}


@st.composite
def pairs(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from([*OPTIONS, "MAXIMUM", "MINIMUM", "PRELU"]))
    shape = draw(shapes(4))

    def repeated() -> tuple[int, ...]:
        kept = tuple(1 if draw(st.booleans()) and draw(st.booleans()) else size for size in shape)
        return kept[draw(st.integers(0, len(kept) - 1)) if draw(st.integers(0, 3)) == 0 else 0 :]

    a, b_shape = (shape, repeated()) if draw(st.booleans()) else (repeated(), shape)
    scales, zeros = [draw(SCALES) for _ in range(3)], [draw(ZEROS) for _ in range(3)]
    if kind == "PRELU":
        a, b_shape = shape, repeated()
    if kind in ("MAXIMUM", "MINIMUM"):
        scales, zeros = [scales[0]] * 3, [zeros[0]] * 3
    activation, constant, seed = draw(ACTIVATIONS), draw(st.sampled_from([None, None, 0, 1])), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        inputs = []
        for side, size in enumerate((a, b_shape)):
            quantized = {"scale": scales[side], "zero": zeros[side]}
            if side == constant:
                inputs.append(b.tensor(size, data=rng.integers(-128, 128, size), **quantized))
            else:
                inputs.append(b.input(size, **quantized))
        output = b.tensor(shape, scale=scales[2], zero=zeros[2])
        options = OPTIONS[kind]() if kind in OPTIONS else None
        if options is not None:
            options.fusedActivationFunction = activation
        b.op(kind, inputs, [output], options)
        b.output(output)

    return Case(f"{kind} {a} {b_shape} constant={constant} {scales} {zeros}", add)


@FEW
@given(many(pairs()))
def test_elementwise(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(pairs()))
def test_thousands_of_elementwise(cases: list[Case]) -> None:
    check(cases)
