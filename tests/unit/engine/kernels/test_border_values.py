"""What a border is filled with, before it is moved into the layer behind it."""

from __future__ import annotations

import numpy as np
import pytest

from edgeprune.engine.graph.passes.pads import _value
from edgeprune.ir import DType, Graph, Op, OpKind, PadAttrs, QParams, Tensor

Q = QParams((0.1,), (-7,))
ATTRS = PadAttrs(padding=((0, 0), (1, 1), (1, 1), (0, 0)))


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (OpKind.PAD, None, -7),
        (OpKind.PADV2, np.array([5], np.int8), 5),
        (OpKind.PADV2, None, None),  # not known yet
    ],
)
def test_the_value_is_the_files_own_or_zero(kind: OpKind, data: np.ndarray | None, expected: int | None) -> None:
    tensors = (
        Tensor("image", (1, 2, 2, 1), DType.INT8, Q),
        Tensor("value", (1,), DType.INT8, Q, data=data, is_constant=True),
        Tensor("padded", (1, 4, 4, 1), DType.INT8, Q),
    )
    op = Op(kind, "pad", (0, 1) if kind is OpKind.PADV2 else (0,), (2,), ATTRS)
    assert _value(Graph(tensors, (op,), (0,), (2,)), op) == expected


def test_a_value_that_is_missing_is_none() -> None:
    tensors = (Tensor("image", (1, 2, 2, 1), DType.INT8, Q), Tensor("padded", (1, 4, 4, 1), DType.INT8, Q))
    op = Op(OpKind.PADV2, "pad", (0, -1), (1,), ATTRS)
    assert _value(Graph(tensors, (op,), (0,), (1,)), op) is None
