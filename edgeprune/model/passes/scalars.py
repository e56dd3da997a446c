"""Scalars added to or multiplied with what a layer with weights gives go into its weights and bias.

A factor in front of such a layer goes into its weights, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeprune.ir import Activation, Graph, Op, OpKind, with_activation
from edgeprune.model.passes.rewritten import Repeats, Rewritten

_ARITHMETIC = (OpKind.ADD, OpKind.SUB, OpKind.MUL)
_Change = Callable[[np.ndarray], np.ndarray]


def run(before: Rewritten) -> Rewritten:
    result = before
    while (folded := _one_folded(result)) is not None:
        result = folded
    return result


def _one_folded(before: Rewritten) -> Rewritten | None:
    graph = before.graph
    for position, op in enumerate(graph.ops):
        found = _scalar_operand(graph, op)
        if found is None:
            continue
        source, scalar, is_first = found
        if op.kind is OpKind.SUB and is_first:
            continue  # a scalar less the layer's output: another sign for every weight, rare
        maker, readers = graph.producer.get(source), graph.consumers.get(op.outputs[0], ())
        if maker is not None and _takes_scalars(graph, graph.ops[maker], source):
            return _into_maker(before, position, maker, scalar)
        plain_factor = op.kind is OpKind.MUL and op.activation is Activation.NONE
        if plain_factor and len(readers) == 1 and op.outputs[0] not in graph.outputs:
            reader = graph.ops[readers[0]]
            if reader.traits.has_weights and reader.inputs[0] == op.outputs[0]:
                return _into_reader(before, position, readers[0], source, scalar)
    return None


def _into_maker(before: Rewritten, position: int, maker: int, scalar: int) -> Rewritten:
    graph = before.graph
    op, layer = graph.ops[position], graph.ops[maker]
    value = _value(graph, scalar)
    result = before
    weight, bias = layer.inputs[1], layer.inputs[2]
    if op.kind is OpKind.MUL:
        result, weight = _changed(result, maker, weight, lambda data: data * value)
        result, bias = _changed(result, maker, bias, lambda data: data * value)
    else:
        sign = -1.0 if op.kind is OpKind.SUB else 1.0
        result, bias = _changed(result, maker, bias, lambda data: data + sign * value)
    attrs = with_activation(layer.attrs, op.activation)
    made = replace(layer, inputs=(layer.inputs[0], weight, bias), outputs=op.outputs, attrs=attrs)
    return _without(result, position, maker, made)


def _into_reader(before: Rewritten, position: int, reader: int, source: int, scalar: int) -> Rewritten:
    layer, value = before.graph.ops[reader], _value(before.graph, scalar)
    result, weight = _changed(before, reader, layer.inputs[1], lambda data: data * value)
    return _without(result, position, reader, replace(layer, inputs=(source, weight, *layer.inputs[2:])))


def _changed(before: Rewritten, layer: int, constant: int, change: _Change) -> tuple[Rewritten, int]:
    """The constant with other values, a copy where somebody else reads it."""
    held = before.graph.tensors[constant]
    made = held if held.data is None else replace(held, data=change(held.data).astype(np.float32))
    if before.graph.consumers[constant] == (layer,):
        return before.holding(constant, made), constant
    named = replace(made, name=f"{held.name}.of_{before.graph.ops[layer].name}")
    return before.adding(named, Repeats(constant, tuple(range(len(held.shape)))))


def _value(graph: Graph, scalar: int) -> float:
    """nan where it is not known, which is the case where no data is."""
    data = graph.tensors[scalar].data
    return float("nan") if data is None else float(data.reshape(-1)[0])


def _scalar_operand(graph: Graph, op: Op) -> tuple[int, int, bool] | None:
    """(the tensor, the scalar, whether the scalar is the first input) of arithmetic with one scalar."""
    if op.kind not in _ARITHMETIC:
        return None
    scalars = [index for index in op.inputs if graph.tensors[index].is_constant and graph.tensors[index].shape == ()]
    others = [index for index in op.inputs if index not in scalars]
    if not len(scalars) == len(others) == 1:
        return None
    return others[0], scalars[0], op.inputs[0] == scalars[0]


def _takes_scalars(graph: Graph, layer: Op, output: int) -> bool:
    return (
        layer.traits.has_weights
        and layer.activation is Activation.NONE
        and len(graph.consumers.get(output, ())) == 1
        and output not in graph.outputs
    )


def _without(before: Rewritten, dropped: int, position: int, layer: Op) -> Rewritten:
    ops = [layer if index == position else op for index, op in enumerate(before.graph.ops) if index != dropped]
    return before.with_ops(tuple(ops))
