"""Operators outside the engine's set are refused with what they are and what to do."""

from __future__ import annotations

import pytest

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import UnsupportedOp
from tests.firmware.one_op import ModelBuilder


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SignalFilterBank", "audio front end"),
        ("FlexErf", "without SELECT_TF_OPS"),
        ("ethos-u", "before Vela"),
        ("MyOwn", "keep them on the host"),
    ],
)
def test_custom_operators_are_named_with_a_way_out(code: str, words: str) -> None:
    builder = ModelBuilder()
    source, result = builder.input((1, 8), scale=1.0), builder.tensor((1, 8), scale=1.0)
    builder.op("CUSTOM", [source], [result])
    builder.output(result)
    builder.model.operatorCodes[0].customCode = code.encode()
    with pytest.raises(UnsupportedOp, match=f"CUSTOM {code}") as caught:
        read_tflite(builder.build())
    assert words in (caught.value.hint or "")


def test_an_unknown_builtin_is_named_too() -> None:
    builder = ModelBuilder()
    source, result = builder.input((1, 8), scale=1.0), builder.tensor((1, 8), scale=1.0)
    builder.op("LOCAL_RESPONSE_NORMALIZATION", [source], [result])
    builder.output(result)
    with pytest.raises(UnsupportedOp, match="LOCAL_RESPONSE_NORMALIZATION 't1'"):
        read_tflite(builder.build())
