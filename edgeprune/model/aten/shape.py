"""Views and permutations."""

from __future__ import annotations

from edgeprune.ir import OpKind
from edgeprune.model.aten.join import gathered
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation, Constant

SAME = ("alias", "clone", "detach", "lift_fresh", "contiguous", "_to_copy", "dropout", "lift_fresh_copy")
VIEWS = ("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze")
_BROADCASTING = {f"aten.{name}" for name in ("add", "sub", "mul", "div", "maximum", "minimum")}


@lowers(*SAME)
def same(draft: Draft, call: Call) -> None:
    draft.alias(call.outputs[0], call.tensor("self"))


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
        draft.alias(call.outputs[0], value, Activation(held.tensor, renamed))


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
        draft.note_view(call.outputs[0], value)
    else:
        held = draft.activation(value)
        draft.values[call.outputs[0]] = draft.viewed(held, draft.shape(value), shape, call.layer, call.where)
        draft.note_view(call.outputs[0], value)


@lowers("expand")
def expand(draft: Draft, call: Call) -> None:
    """Nothing to do where the readers broadcast by themselves; elsewhere the same place again and again."""
    value, output = call.tensor("self"), call.outputs[0]
    old, new, held = draft.shape(value), draft.shape(output), draft.values[value]
    if isinstance(held, Constant):
        draft.values[output] = held.reshaped((1,) * (len(new) - len(old)) + old).expanded(new)
        return
    broadcast = len(old) == len(new) and draft.readers.get(output, set()) <= _BROADCASTING and draft.uses[output]
    if old == new or broadcast:
        draft.alias(output, value)
        return
    held = draft.activation(value)
    lone = (1,) * (len(new) - len(old)) + old
    if lone != old:
        held = draft.viewed(held, old, lone, call.layer, call.where)
    for axis, (before, after) in enumerate(zip(lone, new, strict=True)):
        if before != after:
            held = gathered(draft, call, held, held.axes.index(axis), [0] * after)
    draft.values[output] = held
