"""Views and permutations."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Activation, Constant, Draft
from edgeprune.model.record import Call

SAME = ("alias", "clone", "detach", "lift_fresh", "contiguous", "_to_copy", "dropout", "lift_fresh_copy")
VIEWS = ("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze")
_BROADCASTING = {f"aten.{name}" for name in ("add", "sub", "mul", "div", "maximum", "minimum")}


@lowers(*SAME)
def same(draft: Draft, call: Call) -> None:
    draft.values[call.outputs[0]] = draft.values[call.tensor("self")]


@lowers("permute", "transpose", "t")
def permute(draft: Draft, call: Call) -> None:
    value = call.tensor("self")
    rank = len(draft.shape(value))
    order = list(range(rank))
    if call.target == "aten.permute":
        order = [int(dim) % rank for dim in call.args["dims"]]
    elif call.target == "aten.transpose":
        first, second = int(call.args["dim0"]) % rank, int(call.args["dim1"]) % rank
        order[first], order[second] = order[second], order[first]
    else:
        order.reverse()
    held = draft.values[value]
    if isinstance(held, Constant):
        draft.values[call.outputs[0]] = held.arranged(order)
    else:
        held = draft.activation(value)
        renamed = tuple(order.index(axis) for axis in held.axes)
        draft.values[call.outputs[0]] = Activation(held.tensor, renamed)


@lowers(*VIEWS)
def view(draft: Draft, call: Call) -> None:
    value, shape = call.tensor("self"), draft.shape(call.outputs[0])
    held = draft.values[value]
    if isinstance(held, Constant):
        draft.values[call.outputs[0]] = held.reshaped(shape)
    elif shape == draft.shape(value):
        # Kept as a view that changes nothing: its sizes may stand in the code, which channel groups must know.
        held = draft.activation(value)
        kept = draft.emit(OpKind.RESHAPE, call, [held.tensor], draft.tensors[held.tensor].shape)
        draft.values[call.outputs[0]] = Activation(kept, held.axes)
    else:
        tensor = _contiguous(draft, draft.activation(value))
        reshaped = draft.emit(OpKind.RESHAPE, call, [tensor], shape)
        draft.values[call.outputs[0]] = Activation(reshaped, tuple(range(len(shape))))


@lowers("expand")
def expand(draft: Draft, call: Call) -> None:
    """Nothing to do where the readers broadcast by themselves."""
    value, output = call.tensor("self"), call.outputs[0]
    same_rank = len(draft.shape(value)) == len(draft.shape(output))
    if draft.shape(value) != draft.shape(output) and not (
        same_rank and draft.readers.get(output, set()) <= _BROADCASTING and draft.uses[output]
    ):
        raise UnsupportedOp(f"expand at {call.where}", hint="let arithmetic broadcast by itself")
    draft.values[output] = draft.values[value]


def _contiguous(draft: Draft, held: Activation) -> int:
    """A tensor whose bytes lie in torch's order, its axes of length 1 wherever they are."""
    shape = draft.tensors[held.tensor].shape
    long = [axis for axis, n in zip(held.axes, shape, strict=True) if n != 1]
    return held.tensor if long == sorted(long) else draft.plain(held).tensor
