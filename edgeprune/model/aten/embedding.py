"""Embeddings: rows of a table that whole numbers pick."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation

_MOST_ROWS = 256  # an int8 input tells apart


@lowers("embedding")
def embedding(draft: Draft, call: Call) -> None:
    """A TABLE; what lies beyond its last row, which torch refuses, is taken as that row."""
    weight = draft.constant(call, "weight")
    rows, width = weight.shape
    if rows > _MOST_ROWS:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: an embedding of {rows:,} rows; int8 inputs tell {_MOST_ROWS} apart",
            hint=f"keep the {_MOST_ROWS} commonest tokens, or look the rows up on the host",
        )
    held = draft.plain(draft.activation(call.tensor("indices")))
    tensor, shape = held.tensor, draft.tensors[held.tensor].shape
    if rows < _MOST_ROWS:
        last = draft.add_scalar(f"{call.layer}.last", float(rows - 1))
        tensor = draft.emit(OpKind.MINIMUM, call, [tensor, last], shape)
    table = draft.add_constant(f"{call.layer}.weight", weight)
    result = draft.emit(OpKind.TABLE, call, [tensor, table], (*shape, width))
    draft.values[call.outputs[0]] = Activation(result, tuple(range(len(shape) + 1)))
