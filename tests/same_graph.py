"""Two graphs compared tensor by tensor, operator by operator."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import Graph, Op, Tensor


def assert_same_graph(one: Graph, other: Graph) -> None:
    """`other` has the tensors and operators of `one`; behind its tensors there may be more, which no operator reads."""
    assert (one.inputs, one.outputs) == (other.inputs, other.outputs)
    assert len(one.ops) == len(other.ops)
    for before, after in zip(one.ops, other.ops, strict=True):
        assert _facts(before) == _facts(after)
    assert len(one.tensors) <= len(other.tensors)
    for before, after in zip(one.tensors, other.tensors, strict=False):
        _assert_same_tensor(before, after)
    read = {index for op in other.ops for index in (*op.inputs, *op.outputs)}
    assert max(read) < len(one.tensors)


def _facts(op: Op) -> tuple[object, ...]:
    return op.kind, op.inputs, op.outputs, op.attrs


def _assert_same_tensor(one: Tensor, other: Tensor) -> None:
    assert (one.name, one.shape, one.dtype, one.is_constant, one.is_variable) == (
        other.name, other.shape, other.dtype, other.is_constant, other.is_variable,
    )  # fmt: skip
    assert one.qparams == other.qparams, one.name
    if one.data is not None:
        assert other.data is not None and one.data.dtype == other.data.dtype
        np.testing.assert_array_equal(one.data, other.data, err_msg=one.name)
