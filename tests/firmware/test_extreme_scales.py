"""Scales no calibration would choose: LiteRT's bytes, or a refusal that says why and what to do.

`benchmarks/random_operators.py` does the same for thousands of random operators.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.codegen.emit import emit
from edgeprune.engine.kernels import lower
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from tests.firmware.host_engine import IDENTITY, assert_same_bytes, place_disjoint, random_samples
from tests.firmware.one_op import ModelBuilder

NONE, N1_TO_1, RELU6 = 0, 2, 3
Add = Callable[[ModelBuilder], None]


def _function(kind: str, in_scale: float, in_zero: int, out_scale: float, out_zero: int) -> Add:
    def add(b: ModelBuilder) -> None:
        data = b.input((1024,), scale=in_scale, zero=in_zero)
        output = b.tensor((1024,), scale=out_scale, zero=out_zero)
        b.op(kind, [data], [output])
        b.output(output)

    return add


def _sum(kind: str, scales: tuple[float, float, float], activation: int) -> Add:
    def add(b: ModelBuilder) -> None:
        inputs = [b.input((1, 5, 5, 7), scale=scale, zero=3) for scale in scales[:2]]
        output = b.tensor((1, 5, 5, 7), scale=scales[2], zero=-9)
        options = schema.AddOptionsT() if kind == "ADD" else schema.SubOptionsT()
        options.fusedActivationFunction = activation
        b.op(kind, inputs, [output], options)
        b.output(output)

    return add


def _pool(scale: float) -> Add:
    def add(b: ModelBuilder) -> None:
        image = b.input((1, 6, 6, 3), scale=scale, zero=-4)
        output = b.tensor((1, 3, 3, 3), scale=scale, zero=-4)
        options = schema.Pool2DOptionsT()
        options.padding, options.fusedActivationFunction = schema.Padding.VALID, RELU6
        options.filterHeight = options.filterWidth = options.strideH = options.strideW = 2
        b.op("AVERAGE_POOL_2D", [image], [output], options)
        b.output(output)

    return add


def _convolution(in_scale: float, weight_scale: float, out_scale: float, activation: int = NONE) -> Add:
    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(1)
        image = b.input((1, 5, 5, 4), scale=in_scale, zero=-128)
        scales = np.float32([weight_scale] * 6)
        weights = b.tensor((6, 1, 1, 4), scale=scales, data=rng.integers(-127, 128, (6, 1, 1, 4)))
        bias = b.tensor((6,), "int32", in_scale * scales, data=rng.integers(-900, 900, 6))
        output = b.tensor((1, 5, 5, 6), scale=out_scale, zero=5)
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
        options.padding, options.fusedActivationFunction = schema.Padding.VALID, activation
        b.op("CONV_2D", [image, weights, bias], [output], options)
        b.output(output)

    return add


RIGHT = {
    "RSQRT of inputs to 1,020": _function("RSQRT", 4.0, -128, 0.004, -128),
    "RSQRT of inputs to 25,500": _function("RSQRT", 100.0, -128, 0.0008, -100),
    "RSQRT of tiny inputs": _function("RSQRT", 1e-9, -128, 300.0, -128),
    "an average pool whose 6 is 600,000,000 steps away": _pool(1e-8),
    "ADD whose clamps are 1,700,000,000 steps away": _sum("ADD", (5e-10, 7e-10, 6e-10), N1_TO_1),
    "ADD of one input a million times the other": _sum("ADD", (1e-4, 100.0, 150.0), NONE),
    "SUB into a scale 100,000 times finer": _sum("SUB", (1.0, 1.0, 1e-5), NONE),
    "a convolution's factor of 10,000": _convolution(1.0, 1.0, 1e-4),
    "a convolution's factor of 100,000,000": _convolution(100.0, 10.0, 1e-5),
    "HARD_SWISH of inputs near zero": _function("HARD_SWISH", 8e-9, 19, 8e-9, -61),
    "a convolution's clamps 700,000,000 steps away": _convolution(1.5, 0.5, 1.5e-9, N1_TO_1),
    "a convolution's factor of 1e-12": _convolution(1e-6, 1e-6, 1.0),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("isa", [Isa.REF, Isa.SCALAR, Isa.DSP])
def test_right_bytes(isa: Isa) -> None:
    model = ModelBuilder()
    for add in RIGHT.values():
        add(model)
    built = model.build()
    assert_same_bytes(built, random_samples(built, 2, seed=1), isa=isa)


@pytest.mark.parametrize(
    ("add", "why"),
    [
        (
            _function("RELU", 1e-30, 0, 1e-30, 0),
            r"a scale of 1e-30; factors between tensors hold .* from 9e-13 to 1e\+12",
        ),
        (_pool(1e-10), r"a scale of 1e-10: relu6 ends 6.0e\+10 steps from zero, beyond int32, where LiteRT gives up"),
        (_sum("ADD", (1e-10, 1e-10, 1e-10), N1_TO_1), r"ends 1.0e\+10 steps from zero"),
        (_sum("SUB", (1e6, 0.05, 0.05), NONE), r"an output scale of 0.05 is less than 1e\+06 / 2\^19"),
        (_function("RSQRT", 0.002, -128, 4e5, 126), "a shift of more than 31 bits that LiteRT leaves undefined"),
        (_function("SQRT", 1e6, -128, 1e-6, 40), "beyond int32, where LiteRT's are undefined"),
        (_function("HARD_SWISH", 5e4, 0, 0.1, 0), r"output's scale of 0.1 is less than its input's 50000 / 128"),
        (_convolution(1e6, 1e3, 1e-6), r"a scale factor of 1e\+15, beyond the 1,073,741,824"),
    ],
)
def test_refused_with_a_reason(add: Add, why: str) -> None:
    model = ModelBuilder()
    add(model)
    graph = read_tflite(model.build())
    with pytest.raises(ModelError, match=why) as refused:
        calls = lower(graph, Isa.REF, Optimize.BALANCED)
        emit(graph, calls, place_disjoint(graph, calls), IDENTITY)
    assert "calibrated on real samples" in str(refused.value.hint)
