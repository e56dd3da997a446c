"""The matrix of docs/operators.md is the kernels', and the types they state are those they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower, plain_types
from edgeprune.engine.kernels.matrix import matrix
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import NO_ATTRS, TRAITS, DType, Graph, NoAttrs, Op, OpKind, QParams, Tensor

PAGE = Path(__file__).resolve().parents[4] / "docs" / "operators.md"
PLAIN = sorted(kind for kind in plain_types() if TRAITS[kind].attrs is NoAttrs)
ENDS = (OpKind.QUANTIZE, OpKind.DEQUANTIZE, OpKind.CAST, OpKind.TABLE, OpKind.PRELU, OpKind.SELECT_V2)  # of two types


def test_the_page_has_the_matrix() -> None:
    text = PAGE.read_text()
    assert "\n".join(matrix()) in text, "python scripts/operators.py"


def test_rows_name_what_runs() -> None:
    rows = {line.split("|")[1].strip(): line for line in matrix()}
    assert "| ref scalar dsp mve vector |" in rows["CONV_2D"] and "| ref |" in rows["SOFTMAX"]


@pytest.mark.parametrize("kind", [kind for kind in PLAIN if kind not in ENDS])
@pytest.mark.parametrize("dtype", [DType.INT16, DType.FLOAT32])
def test_stated_types_are_taken_and_no_others(kind: OpKind, dtype: DType) -> None:
    qparams = QParams((1 / 128,), (0,)) if dtype is DType.INT16 else None
    count = 3 if kind in (OpKind.MAXIMUM, OpKind.MINIMUM) else 2
    tensors = tuple(Tensor(f"t{i}", (1, 4), dtype, qparams) for i in range(count))
    inputs = tuple(range(count - 1))
    op = Op(kind, "layer", inputs, (count - 1,), NO_ATTRS)
    graph = Graph(tensors, (op,), inputs, (count - 1,))
    try:
        lower(graph, Isa.REF, Optimize.BALANCED)
        taken = True
    except UnsupportedOp:
        taken = False
    except ModelError:
        pytest.skip("takes other operands")
    assert taken == (dtype in plain_types()[kind])
