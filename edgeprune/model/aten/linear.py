"""Matrix products with a constant: FULLY_CONNECTED."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import BatchMatmulAttrs, OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation, Constant, layer_name


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
    """A product of matrices, one of them perhaps constant; of one matrix with a constant: a layer."""
    if draft.is_constant(call.tensor("mat2")) and draft.shape(call.outputs[0])[0] == 1:
        _one_layer(draft, call)
        return
    inputs = [_matrices(draft, call, name) for name in ("self", "mat2")]
    attrs = BatchMatmulAttrs(adj_x=False, adj_y=False)
    tensor = draft.emit(OpKind.BATCH_MATMUL, call, inputs, draft.shape(call.outputs[0]), attrs)
    draft.values[call.outputs[0]] = Activation(tensor, (0, 1, 2))


def _matrices(draft: Draft, call: Call, name: str) -> int:
    value = call.tensor(name)
    if draft.is_constant(value):
        return draft.add_constant(f"{call.layer}.constant", draft.constant(call, name))
    return draft.plain(draft.activation(value)).tensor


def _one_layer(draft: Draft, call: Call) -> None:
    """(1, n, m) times a constant (1, m, k)."""
    _, rows, depth = draft.shape(call.tensor("self"))
    result = draft.shape(call.outputs[0])
    weight = draft.constant(call, "mat2").reshaped((depth, result[2])).arranged((1, 0))
    held = draft.plain(draft.activation(call.tensor("self")))
    flat = draft.viewed(held, (1, rows, depth), (rows, depth), call.layer, call.where)
    made = _layer(draft, call, draft.plain(flat), weight, None, (rows, result[2]))
    draft.values[call.outputs[0]] = draft.viewed(made, (rows, result[2]), result, call.layer, call.where)


def _dense(draft: Draft, call: Call, left: str, right: str, bias: Constant | None) -> None:
    weight = draft.constant(call, right).arranged((1, 0))
    held = draft.plain(draft.activation(call.tensor(left)))
    draft.values[call.outputs[0]] = _layer(draft, call, held, weight, bias, draft.shape(call.outputs[0]))


def _layer(
    draft: Draft, call: Call, held: Activation, weight: Constant, bias: Constant | None, shape: tuple[int, ...]
) -> Activation:
    name = layer_name(call, weight)
    bias = bias if bias is not None else Constant.zeros(weight.shape[0])
    if len(bias.shape) != 1:
        raise UnsupportedOp(f"{name} at {call.where}: a bias of shape {bias.shape}")
    inputs = [held.tensor, draft.add_constant(f"{name}.weight", weight), draft.add_constant(f"{name}.bias", bias)]
    return Activation(draft.emit_named(OpKind.FULLY_CONNECTED, name, inputs, shape, call.where), (0, 1))
