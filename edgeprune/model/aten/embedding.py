"""Embeddings: rows of a table that whole numbers pick."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import INDEX_KINDS, ROWS_OF_INT8, ROWS_OF_INT16, OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation


@lowers("embedding")
def embedding(draft: Draft, call: Call) -> None:
    """A TABLE; what lies beyond its last row, which torch refuses, is taken as that row.

    Up to 256 rows are picked by int8 values, more by int16 ones (`ir/indices.py`).
    """
    weight = draft.constant(call, "weight")
    rows, width = weight.shape
    held = draft.plain(draft.activation(call.tensor("indices")))
    tensor, shape = held.tensor, draft.tensors[held.tensor].shape
    if rows > ROWS_OF_INT8:
        _check_int16(draft, call, tensor, rows)
    elif rows < ROWS_OF_INT8:
        last = draft.add_scalar(f"{call.layer}.last", float(rows - 1))
        tensor = draft.emit(OpKind.MINIMUM, call, [tensor, last], shape)
    table = draft.add_constant(f"{call.layer}.weight", weight)
    result = draft.emit(OpKind.TABLE, call, [tensor, table], (*shape, width))
    draft.values[call.outputs[0]] = Activation(result, tuple(range(len(shape) + 1)))


def _check_int16(draft: Draft, call: Call, indices: int, rows: int) -> None:
    """Raises UnsupportedOp where int16 does not tell the rows apart, or holds what picks them with an error."""
    if rows > ROWS_OF_INT16:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: an embedding of {rows:,} rows; int16 inputs tell {ROWS_OF_INT16:,} apart",
            hint=f"keep the {ROWS_OF_INT16:,} commonest tokens, or look the rows up on the host",
        )
    ahead = [indices]
    while ahead:
        op = draft.maker(ahead.pop())
        if op is not None and op.kind not in INDEX_KINDS:
            raise UnsupportedOp(
                f"{call.layer} at {call.where}: rows of {rows:,} picked by what {op.kind} gives at {op.where}, which "
                "is rounded on the device",
                hint="work the indices out where the data are made: they may be cut, joined, clamped and shifted here",
            )
        ahead += [] if op is None else op.inputs
