"""Operators without weights, int16 activations: random shapes and scales; functions of one value over all 65,536."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from tests.firmware.cases import FEW, MANY, Case, check, many
from tests.firmware.host_engine import assert_same_bytes
from tests.firmware.one_op import ModelBuilder
from tests.firmware.operators import (
    test_copy,
    test_elementwise,
    test_gather,
    test_lookup,
    test_pool,
    test_quantize,
    test_reduce,
    test_resize,
    test_softmax,
)
from tests.firmware.widened import WIDE, wide

KINDS = [kind for kind in test_lookup.KINDS if kind in WIDE]
FUNCTIONS = (
    test_copy.moves(),
    test_elementwise.pairs(),
    test_elementwise.pairs(),
    test_gather.gathers(),
    test_lookup.functions(KINDS),
    test_lookup.functions(KINDS),
    test_pool.pools(),
    test_quantize.float_ends(),
    test_reduce.reductions(),
    test_resize.resizes(),
    test_softmax.softmaxes(),
)


@FEW
@given(many(wide(st.one_of(*FUNCTIONS))))
def test_functions16(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(wide(st.one_of(*FUNCTIONS))))
def test_thousands_of_functions16(cases: list[Case]) -> None:
    check(cases)


def _gelu(approximate: bool) -> Any:
    options = schema.GeluOptionsT()
    options.approximate = approximate
    return options


def _leaky(alpha: float) -> Any:
    options = schema.LeakyReluOptionsT()
    options.alpha = alpha
    return options


@pytest.mark.parametrize(
    "scales",
    [(2.0**-12 * 1.0005, 3e-4), pytest.param((2.0**-11 * 0.9995, 2.0**-10, 0.01, 1e-6), marks=pytest.mark.slow)],
)
def test_all_values_of_a_function(scales: Sequence[float]) -> None:
    b = ModelBuilder()
    kinds: Sequence[tuple[str, Any, float]] = [
        ("LOGISTIC", None, 2.0**-15), ("TANH", None, 2.0**-15), ("GELU", _gelu(False), 0.0), ("GELU", _gelu(True), 0.0),
        ("LEAKY_RELU", _leaky(0.3), 0.0), ("ABS", None, 0.0), ("RELU6", None, 0.0), ("NEG", None, 0.0),
        ("EXP", None, 1e-3), ("LOG", None, 0.0),
    ]  # fmt: skip
    for kind, options, fixed in kinds:
        for scale in scales if kind != "EXP" else [min(scale, 2.0**-9) for scale in scales]:  # float32 ends there
            data = b.input((1 << 16,), dtype="int16", scale=scale)
            output = b.tensor((1 << 16,), "int16", scale=fixed or scale)
            b.op(kind, [data], [output], options)
            b.output(output)
    sample = [np.arange(-(1 << 15), 1 << 15).astype(np.int16)] * len(b.graph.inputs)
    assert_same_bytes(b.build(), [sample])


def _sum(kind: str, scales: Sequence[float], by_shifts: bool = True) -> ModelBuilder:
    b = ModelBuilder()
    inputs = [b.input((500,), dtype="int16", scale=scale) for scale in scales[:2]]
    output = b.tensor((500,), "int16", scale=scales[2])
    options = schema.AddOptionsT() if kind == "ADD" else schema.SubOptionsT()
    options.potScaleInt16 = by_shifts
    b.op(kind, inputs, [output], options)
    b.output(output)
    return b


@pytest.mark.parametrize("kind", ["ADD", "SUB"])
@pytest.mark.parametrize("scales", [(2**-10, 2**-11, 2**-10), (2**-13, 2**-10, 2**-10), (2**-9, 2**-9, 2**-9)])
def test_sums_by_shifts(kind: str, scales: Sequence[float]) -> None:
    """Scales that are powers of two, in files that ask for shifts."""
    model = _sum(kind, scales).build()
    assert "shifted" in lower(read_tflite(model), Isa.REF, Optimize.BALANCED)[0].function
    samples = [np.random.default_rng(1).integers(-32768, 32768, (2, 500)).astype(np.int16)]
    assert_same_bytes(model, [list(samples[0])])


def test_shifts_up_are_refused() -> None:
    with pytest.raises(UnsupportedOp, match="and only down") as refused:
        lower(read_tflite(_sum("ADD", (2**-9, 2**-10, 2**-10)).build()), Isa.REF, Optimize.BALANCED)
    assert refused.value.hint


@pytest.mark.parametrize(
    "kind",
    ["ELU", "HARD_SWISH", "RELU_N1_TO_1", "SUM", "ARG_MAX", "UNIDIRECTIONAL_SEQUENCE_LSTM"],
)
def test_what_has_no_kernel_is_refused(kind: str) -> None:
    b = ModelBuilder()
    data = b.input((1, 4, 6), dtype="int16", scale=0.01)
    output = b.tensor((1, 4, 6), "int16", scale=0.01)
    options: Any = None
    inputs = [data]
    if kind == "SUM":
        options, inputs = schema.ReducerOptionsT(), [data, b.ints([1])]
    elif kind == "ARG_MAX":
        options, inputs = schema.ArgMaxOptionsT(), [data, b.ints([1])]
    elif kind == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        options, inputs = schema.UnidirectionalSequenceLSTMOptionsT(), [data] * 20
        options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    b.op(kind, inputs, [output], options)
    b.output(output)
    with pytest.raises(UnsupportedOp, match="int16") as refused:
        lower(read_tflite(b.build()), Isa.REF, Optimize.BALANCED)
    assert refused.value.hint


def test_a_zero_point_is_refused() -> None:
    b = ModelBuilder()
    data = b.input((9,), dtype="int16", scale=0.01, zero=3)
    output = b.tensor((9,), "int16", scale=0.01)
    b.op("LEAKY_RELU", [data], [output], _leaky(0.1))
    b.output(output)
    graph = read_tflite(b.build())
    (call,) = lower(graph, Isa.REF, Optimize.BALANCED)
    assert call.definitions is not None
    with pytest.raises(UnsupportedOp, match="symmetric"):
        lower(graph, Isa.REF, Optimize.BALANCED)[0].definitions(None)  # type: ignore[arg-type,misc]
