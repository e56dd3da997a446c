"""Sums, means and maxima over axes."""

from __future__ import annotations

from math import prod

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind, ReduceAttrs
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation

_KINDS = {"mean": OpKind.MEAN, "sum": OpKind.MEAN, "amax": OpKind.REDUCE_MAX, "max": OpKind.REDUCE_MAX}


@lowers(*_KINDS)
def reduce(draft: Draft, call: Call) -> None:
    """A sum is a mean times the count: LiteRT's reference SUM takes int8 for uint8, and a layer behind takes the factor
    in."""
    if len(call.outputs) > 1 and draft.uses[call.outputs[1]]:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: the places of maxima are read",
            hint="take the maxima alone (x.amax(dim)), and find their places on the host",
        )
    held = draft.activation(call.tensor("self"))
    rank = len(held.axes)
    dims = call.args.get("dim")
    given = range(rank) if dims is None or dims == () else (dims if isinstance(dims, tuple) else (dims,))
    reduced = {int(dim) % rank for dim in given}
    keep = bool(call.args.get("keepdim", False))
    axes = tuple(k for k, axis in enumerate(held.axes) if axis in reduced)
    shape = draft.tensors[held.tensor].shape
    if keep:
        result_shape = tuple(1 if k in axes else n for k, n in enumerate(shape))
        result_axes = held.axes
    else:
        result_shape = tuple(n for k, n in enumerate(shape) if k not in axes)
        kept = [axis for axis in held.axes if axis not in reduced]
        result_axes = tuple(sorted(kept).index(axis) for axis in kept)
    kind = _KINDS[call.target.removeprefix("aten.")]
    tensor = draft.emit(kind, call, [held.tensor], result_shape, ReduceAttrs(axes=axes, keep_dims=keep))
    count = prod(shape[k] for k in axes)
    if call.target == "aten.sum" and count != 1:
        factor = draft.add_scalar(f"{call.layer}.count", float(count))
        tensor = draft.emit(OpKind.MUL, call, [tensor, factor], result_shape)
    draft.values[call.outputs[0]] = Activation(tensor, result_axes)
