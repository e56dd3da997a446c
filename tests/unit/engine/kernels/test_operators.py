"""The set of operators: each kind is read, lowered, and listed in docs/operators.md."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import check_supported, lower
from edgeprune.engine.plan import make_plan
from edgeprune.engine.tflite.attributes import RULES
from edgeprune.errors import EdgePruneError, UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import (
    NO_ATTRS,
    Attrs,
    DType,
    FullyConnectedAttrs,
    GatherAttrs,
    GeluAttrs,
    Graph,
    Op,
    OpKind,
    PadAttrs,
    QParams,
    ResizeAttrs,
    Tensor,
    TransposeAttrs,
)

DOCS = Path(__file__).resolve().parents[4] / "docs" / "operators.md"


NO_FILE_HOLDS = (OpKind.STAGE, OpKind.EARLY_EXIT, OpKind.FUNCTION, OpKind.TABLE, OpKind.DETECTION_POSTPROCESS)


@pytest.mark.parametrize("kind", [kind for kind in OpKind if kind not in NO_FILE_HOLDS])
def test_every_kind_is_read_and_documented(kind: OpKind) -> None:
    assert kind in RULES
    first_cells = [line.split("|")[1] for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    assert any(kind in [word.strip() for word in cell.split(",")] for cell in first_cells), kind


def test_everything_unsupported_is_named_at_once() -> None:
    quantized = QParams((0.1,), (0,))
    floats = [Tensor(f"f{i}", (1, 4), DType.FLOAT32) for i in range(3)]
    graph = Graph(
        tensors=(*floats, Tensor("q", (1, 4), DType.INT8, quantized)),
        ops=(
            Op(OpKind.ELU, "gate", (0,), (1,)),
            Op(OpKind.QUANTIZE, "quantize", (1,), (3,)),
            Op(OpKind.TANH, "squash", (1,), (2,)),
        ),
        inputs=(0,),
        outputs=(2, 3),
    )
    with pytest.raises(UnsupportedOp) as caught:
        check_supported(graph)
    assert "ELU 'gate' (op 0 of 3) reads float32" in caught.value.message
    assert "TANH 'squash' (op 2 of 3)" in caught.value.message
    assert "QUANTIZE" not in caught.value.message
    assert caught.value.hint


def test_a_float_model_is_told_how_to_be_quantized() -> None:
    tensors = (
        Tensor("image", (1, 4), DType.FLOAT32),
        Tensor("weights", (2, 4), DType.FLOAT32, data=np.ones((2, 4), np.float32), is_constant=True),
        Tensor("scores", (1, 2), DType.FLOAT32),
    )
    op = Op(OpKind.FULLY_CONNECTED, "head", (0, 1), (2,), FullyConnectedAttrs())
    with pytest.raises(UnsupportedOp, match="a float model: 1 of its 1 operators") as caught:
        check_supported(Graph(tensors, (op,), (0,), (2,)))
    assert "representative_dataset" in (caught.value.hint or "")


def test_a_gather_from_nothing_is_refused_in_words() -> None:
    """A damaged file may leave an input out."""
    numbers = np.array([1, 0], np.int32)
    tensors = (
        Tensor("picked", (2,), DType.INT32, data=numbers, is_constant=True),
        Tensor("rows", (2, 4), DType.INT8, QParams((0.1,), (0,))),
    )
    op = Op(OpKind.GATHER, "pick", (-1, 0), (1,), GatherAttrs(axis=0))
    with pytest.raises(EdgePruneError, match="input 0 is missing"):
        lower(Graph(tensors, (op,), (0,), (1,)), Isa.SCALAR, Optimize.SIZE)


def test_a_table_is_looked_up_in_place() -> None:
    q = QParams((0.05,), (0,))
    tensors = (Tensor("x", (1, 100), DType.INT8, q), Tensor("y", (1, 100), DType.INT8, QParams((1 / 128,), (0,))))
    graph = Graph(tensors, (Op(OpKind.TANH, "curve", (0,), (1,), NO_ATTRS),), (0,), (1,))
    assert make_plan(graph, lower(graph, Isa.REF, Optimize.SIZE)).arena_bytes == 100


@pytest.mark.parametrize(("rows", "is_refused"), [(32_767, False), (32_768, True)])
def test_pixels_are_found_by_indices_of_two_bytes(rows: int, is_refused: bool) -> None:
    q = QParams((0.05,), (0,))
    tensors = (Tensor("x", (1, rows, 1, 1), DType.INT8, q), Tensor("y", (1, 2, 1, 1), DType.INT8, q))
    op = Op(
        OpKind.RESIZE_NEAREST_NEIGHBOR, "resize", (0,), (1,), ResizeAttrs(align_corners=False, half_pixel_centers=False)
    )
    graph = Graph(tensors, (op,), (0,), (1,))
    if is_refused:
        with pytest.raises(UnsupportedOp, match="beyond 65,535"):
            lower(graph, Isa.REF, Optimize.SIZE)
    else:
        assert len(lower(graph, Isa.REF, Optimize.SIZE)) == 1


def test_the_value_of_a_border_is_looked_at_before_any_code_is_written() -> None:
    q = QParams((0.1,), (0,))
    tensors = (
        Tensor("image", (1, 2), DType.INT8, q),
        Tensor("value", (1,), DType.INT32, data=np.zeros(1, np.int32), is_constant=True),
        Tensor("padded", (1, 4), DType.INT8, q),
    )
    op = Op(OpKind.PADV2, "pad", (0, 1), (2,), PadAttrs(padding=((0, 0), (1, 1))))
    with pytest.raises(UnsupportedOp, match="its tensors differ in type"):
        lower(Graph(tensors, (op,), (0,), (2,)), Isa.SCALAR, Optimize.SIZE)


def test_a_border_is_planned_before_its_value_is_known() -> None:
    q = QParams((0.1,), (0,))
    tensors = (
        Tensor("image", (1, 2), DType.INT8, q),
        Tensor("value", (1,), DType.INT8, q, is_constant=True),
        Tensor("padded", (1, 4), DType.INT8, q),
    )
    op = Op(OpKind.PADV2, "pad", (0, 1), (2,), PadAttrs(padding=((0, 0), (1, 1))))
    assert len(lower(Graph(tensors, (op,), (0,), (2,)), Isa.SCALAR, Optimize.SIZE)) == 1


def test_half_floats_are_not_moved() -> None:
    """There is no type for them in the C that is written."""
    tensors = (Tensor("half", (1, 2), DType.FLOAT16), Tensor("turned", (2, 1), DType.FLOAT16))
    op = Op(OpKind.TRANSPOSE, "turn", (0,), (1,), TransposeAttrs(permutation=(1, 0)))
    with pytest.raises(UnsupportedOp, match="moves float16"):
        lower(Graph(tensors, (op,), (0,), (1,)), Isa.SCALAR, Optimize.SIZE)


@pytest.mark.parametrize("in_scale", [0.7, 88.8 / 127, 1e13])
@pytest.mark.parametrize(
    ("kind", "attrs"),
    [(OpKind.LOGISTIC, NO_ATTRS), (OpKind.TANH, NO_ATTRS), (OpKind.GELU, GeluAttrs(approximate=True))],
)
def test_what_is_beyond_float32_is_infinite_without_a_warning(kind: OpKind, attrs: Attrs, in_scale: float) -> None:
    ends = [Tensor(name, (1, 4), DType.INT8, QParams((scale,), (0,))) for name, scale in (("a", in_scale), ("b", 1e9))]
    graph = Graph(tuple(ends), (Op(kind, "act", (0,), (1,), attrs),), (0,), (1,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lower(graph, Isa.SCALAR, Optimize.SIZE)
