"""The set of operators: each kind is read, lowered, and told of in docs/operators.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.kernels import check_supported
from edgeprune.tflite.attributes import RULES

DOCS = Path(__file__).resolve().parents[3] / "docs" / "operators.md"


NO_FILE_HOLDS = (OpKind.STAGE, OpKind.EARLY_EXIT)


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
            Op(OpKind.LOGISTIC, "gate", (0,), (1,)),
            Op(OpKind.QUANTIZE, "quantize", (1,), (3,)),
            Op(OpKind.TANH, "squash", (1,), (2,)),
        ),
        inputs=(0,),
        outputs=(2, 3),
    )
    with pytest.raises(UnsupportedOp) as caught:
        check_supported(graph)
    assert "LOGISTIC 'gate' (op 0 of 3) reads float32" in caught.value.message
    assert "TANH 'squash' (op 2 of 3)" in caught.value.message
    assert "QUANTIZE" not in caught.value.message
    assert caught.value.hint
