"""SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION on random lengths, scales and betas."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, ZEROS, Case, check, many
from tests.firmware.one_op import ModelBuilder

OPTIONS = {
    "SOFTMAX": schema.SoftmaxOptionsT, "LOG_SOFTMAX": schema.LogSoftmaxOptionsT,
    "L2_NORMALIZATION": schema.L2NormOptionsT,
}  # fmt: skip
OUTPUTS = {"SOFTMAX": (1 / 256, -128), "LOG_SOFTMAX": (1 / 16, 127), "L2_NORMALIZATION": (1 / 128, 0)}


@st.composite
def softmaxes(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["SOFTMAX", *OPTIONS]))
    shape = (*draw(st.sampled_from([(1,), (3,), (1, 2, 2)])), draw(st.integers(1, 300)))
    scale, zero, beta = draw(SCALES), draw(ZEROS), draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))

    def add(b: ModelBuilder) -> None:
        data = b.input(shape, scale=scale, zero=zero)
        out_scale, out_zero = OUTPUTS[kind]
        output = b.tensor(shape, scale=out_scale, zero=out_zero)
        options = OPTIONS[kind]()
        if kind == "SOFTMAX":
            options.beta = beta
        b.op(kind, [data], [output], options)
        b.output(output)

    return Case(f"{kind} {shape} scale {scale} beta {beta}", add)


@FEW
@given(many(softmaxes()))
def test_softmax(cases: list[Case]) -> None:
    check(cases)


def _masked(scale: float) -> Case:
    def add(b: ModelBuilder) -> None:
        data, output = b.input((4, 20), scale=scale, zero=127), b.tensor((4, 20), scale=1 / 256, zero=-128)
        b.op("SOFTMAX", [data], [output], OPTIONS["SOFTMAX"]())
        b.graph.operators[-1].builtinOptions.beta = 1.0
        b.output(output)

    return Case(f"SOFTMAX of steps of {scale}", add)


def test_softmax_over_a_mask() -> None:
    """-10,000 where attention must not look makes a step so large that LiteRT's factor is at its end."""
    check([_masked(scale) for scale in (15.9, 16.1, 31.9, 39.2, 4e4)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(softmaxes()))
def test_thousands_of_softmax(cases: list[Case]) -> None:
    check(cases)
