"""Sums, means and maxima over axes."""

from __future__ import annotations

from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Activation, Draft
from edgeprune.model.record import Call

_KINDS = {"mean": OpKind.MEAN, "sum": OpKind.SUM, "amax": OpKind.REDUCE_MAX}


@lowers(*_KINDS)
def reduce(draft: Draft, call: Call) -> None:
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
    tensor = draft.emit(kind, call, [held.tensor], result_shape, axes=axes, keep_dims=keep)
    draft.values[call.outputs[0]] = Activation(tensor, result_axes)
