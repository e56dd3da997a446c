"""The reader on MLPerf Tiny's models, whole, truncated and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.errors import EdgePruneError, ModelError, UnsupportedOp
from edgeprune.ir import Activation, Conv2dAttrs, OpKind, SoftmaxAttrs

MODELS = Path(__file__).resolve().parents[5] / "shared" / "data" / "mlperf-tiny"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no ../shared/data/mlperf-tiny beside the repository")


def model(name: str) -> bytes:
    return (MODELS / f"{name}_int8.tflite").read_bytes()


@needs_models
def test_keyword_spotting_in_normal_form() -> None:
    graph = read_tflite(model("kws01"))
    first, depthwise, *_, dense, softmax = graph.ops
    assert first.kind is OpKind.CONV_2D
    assert first.attrs == Conv2dAttrs(stride=(2, 2), pad=(4, 5, 1, 1), dilation=(1, 1), activation=Activation.RELU)
    assert graph.tensors[first.inputs[1]].shape == (64, 10, 4, 1)
    assert graph.tensors[first.inputs[1]].qparams.axis == 0
    assert depthwise.kind is OpKind.DEPTHWISE_CONV_2D
    assert graph.tensors[dense.inputs[0]].shape == (1, 64)
    assert softmax.attrs == SoftmaxAttrs(beta=1.0)
    assert [graph.tensors[i].shape for i in graph.inputs + graph.outputs] == [(1, 49, 10, 1), (1, 12)]
    reshape = next(op for op in graph.ops if op.kind is OpKind.RESHAPE)
    assert len(reshape.inputs) == 1  # its shape is the output tensor's
    assert len({op.name for op in graph.ops}) == len(graph.ops) == 13


@needs_models
def test_unknown_operators_are_all_named_with_layer_and_position() -> None:
    from ai_edge_litert import schema_py_generated as schema

    data = bytearray(model("ad01"))
    code = schema.Model.GetRootAs(data, 0).OperatorCodes(0)
    data[code._tab.Pos + code._tab.Offset(4)] = schema.BuiltinOperator.SKIP_GRAM
    with pytest.raises(UnsupportedOp, match=r"10 of 10 .* SKIP_GRAM 'functional_1/activation/Relu' \(op 0 of 10\)"):
        read_tflite(bytes(data))


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 64, b"\x10\0\0\0TFL3" + b"\xff" * 64, b"PK\x03\x04" * 99])
def test_other_files_are_refused_with_a_hint(data: bytes) -> None:
    with pytest.raises(ModelError) as caught:
        read_tflite(data)
    assert caught.value.hint


@needs_models
@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(part: float) -> None:
    data = model("kws01")
    with pytest.raises(ModelError):
        read_tflite(data[: int((len(data) - 4) * part)])  # the last 4 bytes are padding


@needs_models
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_never_a_crash(draw: st.DataObject) -> None:
    data = bytearray(model("kws01"))
    places = st.integers(0, len(data) - 4)
    for place in draw.draw(st.lists(places, min_size=1, max_size=8)):
        data[place : place + 4] = draw.draw(st.binary(min_size=1, max_size=4))
    try:
        graph = read_tflite(bytes(data))
    except EdgePruneError:
        return
    assert sum(t.data.nbytes for t in graph.tensors if t.data is not None) <= 5 * len(data)
