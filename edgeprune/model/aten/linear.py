"""Matrix products with a constant: FULLY_CONNECTED."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Activation, Constant, Draft, layer_name
from edgeprune.model.record import Call


@lowers("addmm")
def addmm(draft: Draft, call: Call) -> None:
    if call.args["beta"] != 1 or call.args["alpha"] != 1:
        raise UnsupportedOp(f"addmm at {call.where} with beta or alpha other than 1")
    _dense(draft, call, "mat1", "mat2", draft.constant(call, "self"))


@lowers("mm")
def mm(draft: Draft, call: Call) -> None:
    _dense(draft, call, "self", "mat2", None)


@lowers("bmm")
def bmm(draft: Draft, call: Call) -> None:
    """A product of two activations."""
    if draft.is_constant(call.tensor("self")) or draft.is_constant(call.tensor("mat2")):
        raise UnsupportedOp(f"a batched product with a constant at {call.where}", hint="use nn.Linear")
    left = draft.plain(draft.activation(call.tensor("self")))
    right = draft.plain(draft.activation(call.tensor("mat2")))
    tensor = draft.emit(
        OpKind.BATCH_MATMUL, call, [left.tensor, right.tensor], draft.shape(call.outputs[0]), adj_x=False, adj_y=False
    )
    draft.values[call.outputs[0]] = Activation(tensor, (0, 1, 2))


def _dense(draft: Draft, call: Call, left: str, right: str, bias: Constant | None) -> None:
    weight = draft.constant(call, right).arranged((1, 0))
    name = layer_name(call, weight)
    held = draft.plain(draft.activation(call.tensor(left)))
    bias = bias if bias is not None else Constant((weight.shape[0],))
    if len(bias.shape) != 1:
        raise UnsupportedOp(f"{name} at {call.where}: a bias of shape {bias.shape}")
    inputs = [held.tensor, draft.add_constant(f"{name}.weight", weight), draft.add_constant(f"{name}.bias", bias)]
    tensor = draft.emit_named(OpKind.FULLY_CONNECTED, name, inputs, draft.shape(call.outputs[0]), call.where)
    draft.values[call.outputs[0]] = Activation(tensor, (0, 1))
