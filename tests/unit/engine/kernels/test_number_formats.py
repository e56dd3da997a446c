"""Networks in formats that no kernel multiplies in are named as what they are, with what to do."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.registry import load_target
from edgeprune.ir import OpKind
from tests.firmware.host_engine import run_litert
from tests.firmware.one_op import ModelBuilder


def _dense(b: ModelBuilder, data: int, weights: int, dtype: str) -> int:
    scale = None if dtype == "float32" else 0.1
    output = b.tensor((1, 3), dtype, scale=scale)
    b.op("FULLY_CONNECTED", [data, weights, -1], [output], schema.FullyConnectedOptionsT())
    return output


def _network(dtype: str, stored: str) -> bytes:
    b = ModelBuilder()
    data = b.input((1, 4), dtype=dtype, scale=None if dtype == "float32" else 0.1)
    scale = 0.02 if stored in ("int8", "uint8") else None
    weights = b.tensor((3, 4), stored, scale=scale, zero=7 if stored == "uint8" else 0, data=np.ones((3, 4)))
    if stored == "float16":
        real = b.tensor((3, 4), "float32")
        b.op("DEQUANTIZE", [weights], [real], schema.DequantizeOptionsT())
        weights = real
    b.output(_dense(b, data, weights, dtype))
    return b.build()


@pytest.mark.parametrize(
    ("dtype", "stored", "words", "hint"),
    [
        ("float32", "float32", "a float model: 1 of its 1 operators", "representative_dataset"),
        ("float32", "float16", "a float model: 1 of its 1 operators", "representative_dataset"),
        ("float32", "int8", "int8 weights, of dynamic-range quantization", "TFLITE_BUILTINS_INT8"),
        ("uint8", "uint8", "quantized to uint8, as converters did before int8", "tf.uint8 keeps uint8 ends"),
    ],
)
def test_a_whole_network(dtype: str, stored: str, words: str, hint: str) -> None:
    target, options = load_target("cortex-m4"), CompileOptions(Optimize.SPEED)
    with pytest.raises(UnsupportedOp, match=words) as refused:
        compile_model(_network(dtype, stored), target, options)
    assert hint in (refused.value.hint or "")


def test_one_float_layer_of_an_int8_network_is_named_alone() -> None:
    b = ModelBuilder()
    data, real = b.input((1, 4), scale=0.1), b.tensor((1, 3), "float32")
    made = _dense(b, data, b.tensor((3, 4), scale=0.02, data=np.ones((3, 4))), "int8")
    b.op("DEQUANTIZE", [made], [real], schema.DequantizeOptionsT())
    b.output(_dense(b, real, b.tensor((3, 3), "float32", data=np.ones((3, 3))), "float32"))
    with pytest.raises(UnsupportedOp, match=r"FULLY_CONNECTED '\w+' .* reads float32") as refused:
        compile_model(b.build(), load_target("cortex-m4"), CompileOptions(Optimize.SPEED))
    assert "leaves no layer in float" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("stored", "scale", "axis"), [("float16", None, 0), ("int8", 0.0123, 0), ("int8", [0.01, 0.3, 0.007], 1)]
)
def test_real_values_of_a_constant_are_no_operator(stored: str, scale: float | list[float] | None, axis: int) -> None:
    b = ModelBuilder()
    data, held = b.input((2, 3), dtype="float32"), np.linspace(-100, 90, 6).reshape(2, 3)
    kept = b.tensor((2, 3), stored, scale=scale, zero=3 if isinstance(scale, float) else 0, axis=axis, data=held)
    real, total = b.tensor((2, 3), "float32"), b.tensor((2, 3), "float32")
    b.op("DEQUANTIZE", [kept], [real], schema.DequantizeOptionsT())
    b.op("ADD", [data, real], [total], schema.AddOptionsT())
    b.output(total)
    graph = clean(read_tflite(b.build()))
    assert [op.kind for op in graph.ops] == [OpKind.ADD]
    nothing = [np.zeros((2, 3), np.float32)]
    (expected,) = run_litert(b.build(), [nothing])
    constant = graph.tensors[graph.ops[0].inputs[1]].data
    np.testing.assert_array_equal(constant, expected[0])
