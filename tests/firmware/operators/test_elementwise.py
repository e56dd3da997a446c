"""Operators on two tensors, and choices between them, with broadcasting: constants on either side, random scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import ACTIVATIONS, FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder

OPTIONS = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT, "DIV": schema.DivOptionsT}
RAW = ("FLOOR_DIV", "FLOOR_MOD")
DIVISIONS = ("DIV", *RAW)
PAIRS = (*OPTIONS, *RAW, "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE")
COMPARISONS = ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")


@st.composite
def pairs(draw: st.DrawFn, kinds: Sequence[str] = PAIRS) -> Case:
    kind = draw(st.sampled_from(kinds))
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
            if side == 1 and kind in DIVISIONS:
                inputs.append(_divisor(b, size, quantized, 0 if kind in RAW else zeros[1], rng))
            elif side == constant:
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


def _divisor(b: ModelBuilder, size: tuple[int, ...], quantized: dict[str, float], zero: int, rng) -> int:
    """A constant without zeros, or what is above zero of an input."""
    if zero == 127 or rng.random() < 0.5:
        data = rng.integers(-128, 128, size)
        return b.tensor(size, data=np.where(data == zero, zero + (1 if zero < 127 else -1), data), **quantized)
    least, result = b.tensor((1,), data=[zero + 1], **quantized), b.tensor(size, **quantized)
    b.op("MAXIMUM", [b.input(size, **quantized), least], [result])
    return result


@st.composite
def choices(draw: st.DrawFn) -> Case:
    """A comparison, maybe another joined to it or turned round, and a choice by it."""
    shape = draw(shapes(4))

    def repeated() -> tuple[int, ...]:
        kept = tuple(1 if draw(st.integers(0, 3)) == 0 else size for size in shape)
        return kept[draw(st.integers(0, len(kept) - 1)) if draw(st.integers(0, 3)) == 0 else 0 :]

    kinds = [draw(st.sampled_from(COMPARISONS)) for _ in range(2)]
    join = draw(st.sampled_from([None, "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"]))
    select = draw(st.sampled_from([None, "SELECT_V2", "SELECT"]))
    scales, zeros = [min(draw(SCALES), 0.9) for _ in range(2)], [draw(ZEROS) for _ in range(2)]
    sides, branches = [(shape, repeated()), (repeated(), shape)], [(shape, repeated()), (repeated(), shape)]
    branch = (shape, shape) if select == "SELECT" else draw(st.sampled_from(branches))

    def add(b: ModelBuilder) -> None:
        conditions = []
        for kind, (one, other) in zip(kinds[: 2 if join in ("LOGICAL_AND", "LOGICAL_OR") else 1], sides, strict=False):
            inputs = [b.input(size, scale=scales[k], zero=zeros[k]) for k, size in enumerate((one, other))]
            conditions.append(b.tensor(shape, "bool"))
            b.op(kind, inputs, [conditions[-1]])
        if join:
            joined = b.tensor(shape, "bool")
            b.op(join, conditions, [joined])
            conditions = [joined]
        if select:
            quantized = {"scale": scales[0], "zero": zeros[0]}
            output = b.tensor(shape, **quantized)
            b.op(select, [conditions[0], *(b.input(size, **quantized) for size in branch)], [output])
            conditions = [output]
        b.output(*conditions)

    return Case(f"{kinds} {join} {select} {shape} {sides} {branch} {scales} {zeros}", add)


@FEW
@given(many(choices()))
def test_choices(cases: list[Case]) -> None:
    check(cases)


@FEW
@given(many(pairs()))
def test_elementwise(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(st.one_of(pairs(), choices())))
def test_thousands_of_elementwise(cases: list[Case]) -> None:
    check(cases)
