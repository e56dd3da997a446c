"""UNIDIRECTIONAL_SEQUENCE_LSTM with int8 weights and activations and an int16 cell.

Input and forget gate may be coupled, cells may look at their gates (peephole), the hidden values may be projected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import (  # fmt: skip
    activation_type,
    as_constant,
    input_tensor,
    output_tensor,
    params,
    place,
    require,
    require_u16,
    table,
)
from edgeprune.engine.kernels.requant import check_accumulator, quantize_multiplier, scale_zero
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, LstmAttrs, Op, OpKind, Tensor, attrs_of

_GATES = ("input", "forget", "candidate", "output")
_IN_WEIGHTS, _STATE_WEIGHTS, _BIAS = 1, 5, 12  # first of four inputs each, in the order of _GATES
_PEEPHOLE = {"input": 9, "forget": 10, "output": 11}
_PROJECTION, _PROJECTION_BIAS, _STATE, _CELL, _LAYER_NORM = 16, 17, 18, 19, range(20, 24)
_GATE_SCALE = 2.0**-12  # Q3.12 before the activation functions


@dataclass(frozen=True, eq=False)
class Gate:
    """Weights of one gate: (cell_len, in_len), (cell_len, out_len); bias and peephole (cell_len)."""

    name: str
    in_weights: Tensor
    state_weights: Tensor
    bias: Tensor
    peephole: Tensor | None


@dataclass(frozen=True, eq=False)
class Lstm:
    """The layer, checked. `hidden` carries the scale of the hidden values; `gates` lack "input" where it is coupled."""

    data: Tensor
    output: Tensor
    state: Tensor
    cell: Tensor
    hidden: Tensor
    gates: tuple[Gate, ...]
    projection: Tensor | None
    projection_bias: Tensor | None
    batches: int
    steps: int
    in_len: int
    cell_len: int
    out_len: int


def read_lstm(graph: Graph, op: Op) -> Lstm:
    if activation_type(graph, op) is DType.INT16:
        raise UnsupportedOp(
            f"{place(graph, op)} reads int16; LiteRT has no LSTM of int16 activations whose bytes could be promised",
            "quantize the model to int8, whose LSTM keeps an int16 cell, or export the LSTM as its single operators",
        )
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    state, cell = input_tensor(graph, op, _STATE, DType.INT8), input_tensor(graph, op, _CELL, DType.INT16)
    if any(graph.input_of(op, index) is not None for index in _LAYER_NORM):
        raise UnsupportedOp(f"{place(graph, op)}: layer normalization", "export the LSTM without it")
    require(graph, op, len(data.shape) == len(output.shape) == 3, f"{data.shape} into {output.shape}")
    require(graph, op, data.qparams is None or output.qparams is not None, "its output has no scale")
    batches, steps, in_len = data.shape
    if attrs_of(op, LstmAttrs).time_major:
        batches, steps = steps, batches
    require(graph, op, len(cell.shape) == len(state.shape) == 2, f"states of shapes {cell.shape} and {state.shape}")
    cell_len, out_len = cell.shape[-1], state.shape[-1]
    require(graph, op, output.shape == (*data.shape[:2], out_len), f"{data.shape} into {output.shape}")
    require(
        graph, op, (state.shape, cell.shape) == ((batches, out_len), (batches, cell_len)), "states of another shape"
    )
    require(graph, op, state.is_variable and cell.is_variable, "its states are not variables")
    require_u16(graph, op, batches, steps, in_len, cell_len, out_len)
    intermediates = attrs_of(op, LstmAttrs).intermediates
    require(graph, op, len(intermediates) == 5, f"{len(intermediates)} intermediate tensors where 5 are needed")
    gates = tuple(
        _read_gate(graph, op, index, (cell_len, in_len), (cell_len, out_len))
        for index in range(4)
        if index or graph.input_of(op, _IN_WEIGHTS) is not None
    )
    projection = projection_bias = None
    if graph.input_of(op, _PROJECTION) is not None:
        projection = _weights(graph, op, _PROJECTION, DType.INT8, (out_len, cell_len))
        if graph.input_of(op, _PROJECTION_BIAS) is not None:
            projection_bias = _weights(graph, op, _PROJECTION_BIAS, DType.INT32, (out_len,))
    require(graph, op, projection is not None or out_len == cell_len, f"{cell_len} cells make {out_len} outputs")
    peeps = any(gate.peephole is not None for gate in gates)
    if peeps and (out_len > cell_len or (out_len < cell_len and batches > 1)):
        raise UnsupportedOp(f"{place(graph, op)}: peepholes with {cell_len} cells, {out_len} outputs, batch {batches}")
    return Lstm(
        data, output, state, cell, graph.tensors[intermediates[4]], gates, projection, projection_bias,
        batches, steps, in_len, cell_len, out_len,
    )  # fmt: skip


def _read_gate(graph: Graph, op: Op, index: int, in_shape: tuple[int, int], state_shape: tuple[int, int]) -> Gate:
    name, peephole = _GATES[index], None
    position = _PEEPHOLE.get(name)
    if position is not None and graph.input_of(op, position) is not None:
        peephole = _weights(graph, op, position, DType.INT16, in_shape[:1])
    return Gate(
        name,
        _weights(graph, op, _IN_WEIGHTS + index, DType.INT8, in_shape),
        _weights(graph, op, _STATE_WEIGHTS + index, DType.INT8, state_shape),
        _weights(graph, op, _BIAS + index, DType.INT32, in_shape[:1]),
        peephole,
    )


def _weights(graph: Graph, op: Op, index: int, dtype: DType, shape: tuple[int, ...]) -> Tensor:
    tensor = input_tensor(graph, op, index, dtype)
    require(graph, op, tensor.is_constant and tensor.shape == shape, f"input {index} of shape {tensor.shape}")
    return tensor


def factor(*scales: float) -> tuple[int, int]:
    """The first scale times the next ones but divided by the last, in float32 like LiteRT."""
    product = np.float32(scales[0])
    for scale in scales[1:-1]:
        product = product * np.float32(scale)
    return quantize_multiplier(float(product / np.float32(scales[-1])))


def folded_bias(weights: Tensor, zero: int, bias: Tensor | None) -> Callable[[], np.ndarray] | None:
    """bias - zero * row sums: what the inputs' zero point adds to every row."""
    data, own = weights.data, None if bias is None else bias.data
    if data is None:
        return None

    def values() -> np.ndarray:
        total = -zero * data.astype(np.int64).sum(axis=1) + (0 if own is None else own.astype(np.int64))
        check_accumulator(weights.name, data, total)
        return np.asarray(total.astype(np.int32))

    return values


@dataclass(frozen=True)
class Products:
    """How an instruction set multiplies matrices by vectors (`firmware/include/ep_products.h`).

    Attributes:
        multiply, widen: C functions; `widen` is "NULL" where vectors are read as they are.
        source, header: where they are.
        block: rows of a matrix are filled up to a multiple of it.
        wide_words: scratch for a widened vector of so many values.
        constant: an array of flash: role, weights (rows, len).
    """

    multiply: str
    widen: str
    source: str
    header: str
    block: int
    wide_words: Callable[[int], int]
    constant: Callable[[str, Tensor], Constant]


PLAIN = Products("ep_multiply_ref", "NULL", "ref/products.c", "ep_products.h", 1, lambda length: 0, as_constant)


def lstm_call(graph: Graph, op: Op, layer: Lstm, products: Products) -> KernelCall:
    zero = {"in": scale_zero(layer.data)[1], "state": scale_zero(layer.state)[1]} if layer.data.qparams else {}
    constants: list[Constant] = []
    for gate in layer.gates:
        in_bias = folded_bias(gate.in_weights, zero.get("in", 0), gate.bias)
        state_bias = folded_bias(gate.state_weights, zero.get("state", 0), None)
        constants += [
            products.constant(f"{gate.name}_in_weights", gate.in_weights),
            products.constant(f"{gate.name}_state_weights", gate.state_weights),
            as_constant(f"{gate.name}_in_bias", gate.bias, in_bias),
            table(f"{gate.name}_state_bias", "int32_t", layer.cell_len, state_bias),
        ]
        if gate.peephole is not None:
            constants.append(as_constant(f"{gate.name}_peephole", gate.peephole))
    longest, most_rows = layer.in_len, layer.cell_len
    if layer.projection is not None:
        bias = folded_bias(layer.projection, _hidden_offset(layer), layer.projection_bias)
        constants.append(products.constant("projection", layer.projection))
        constants.append(table("projection_bias", "int32_t", layer.out_len, bias))
        longest, most_rows = max(longest, layer.cell_len), max(most_rows, layer.out_len)
    words = {
        "acc_words": 2 * -(-most_rows // products.block) * products.block,
        "wide_words": products.wide_words(longest),
        "wide_state_words": products.wide_words(layer.out_len),
    }

    def emit(s: Symbols) -> str:
        return (
            f"ep_lstm_ref(&{s.layer}_params, {s.input(0)}, {s.state(_STATE)}, {s.state(_CELL)}, {s.output(0)}, "
            f"{s.scratch()});"
        )

    def definitions(s: Symbols) -> str:
        functions = {"products": f"{{ {products.widen}, {products.multiply} }}"}
        return params(s, "ep_lstm_t", functions | words | _fields(graph, op, layer, s))

    macs = len(layer.gates) * layer.cell_len * (layer.in_len + layer.out_len)
    macs += 0 if layer.projection is None else layer.out_len * layer.cell_len
    runs = layer.batches * layer.steps
    return KernelCall(
        function=products.multiply.replace("ep_multiply", "ep_lstm"),
        emit=emit,
        sources=("ref/lstm.c", products.source),
        headers=("ep_lstm.h", products.header),
        constants=tuple(constants),
        scratch_bytes=4 * sum(words.values()) + 9 * layer.cell_len + layer.out_len,
        work=Work(
            macs=macs * runs,
            outputs=layer.output.element_count,
            features={
                "cells": runs * layer.cell_len,
                "steps": runs,
                "row_macs": runs * _row_macs(layer, products.block),
            },
        ),
        definitions=definitions,
    )


def _row_macs(layer: Lstm, block: int) -> int:
    """Multiply-accumulates of one step, rows filled up to whole blocks."""
    cells, outputs = (-(-count // block) * block for count in (layer.cell_len, layer.out_len))
    projected = 0 if layer.projection is None else outputs * layer.cell_len
    return len(layer.gates) * cells * (layer.in_len + layer.out_len) + projected


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return lstm_call(graph, op, read_lstm(graph, op), PLAIN)


def _fields(graph: Graph, op: Op, layer: Lstm, s: Symbols) -> dict[str, object]:
    cell_scale = scale_zero(layer.cell)[0]
    cell_power = round(log2(cell_scale))
    fits = 2.0**cell_power == cell_scale and -15 <= cell_power <= -9
    require(graph, op, fits, f"a cell of scale {cell_scale:g}, where LiteRT takes powers of two from 2^-15 to 2^-9")
    hidden_scale = scale_zero(layer.hidden)[0]
    hidden = quantize_multiplier(float(np.float32(2.0**-15 / hidden_scale * 2.0**-15)))
    gates = {gate.name: _gate_text(layer, gate, cell_scale, s) for gate in layer.gates}
    attrs = attrs_of(op, LstmAttrs)
    time_major = attrs.time_major
    fields: dict[str, object] = {name: gates.get(name, "{ .in_weights = NULL }") for name in _GATES}
    if layer.projection is not None:
        multiplier, shift = factor(scale_zero(layer.projection)[0], hidden_scale, scale_zero(layer.state)[0])
        clip = attrs.projection_clip / scale_zero(layer.state)[0]
        fields |= {
            "projection": s.constant("projection"), "projection_bias": s.constant("projection_bias"),
            "projection_multiplier": multiplier, "projection_shift": shift, "projection_clip": _clamped(clip, 127),
        }  # fmt: skip
    return fields | {
        "hidden_multiplier": hidden[0], "hidden_shift": hidden[1], "hidden_zero": _hidden_offset(layer),
        "state_zero": scale_zero(layer.state)[1],
        "in_step": layer.in_len * (layer.batches if time_major else 1),
        "in_batch": layer.in_len * (1 if time_major else layer.steps),
        "out_step": layer.out_len * (layer.batches if time_major else 1),
        "out_batch": layer.out_len * (1 if time_major else layer.steps),
        "steps": layer.steps, "batches": layer.batches, "in_len": layer.in_len, "cell_len": layer.cell_len,
        "out_len": layer.out_len, "cell_bits": 15 + cell_power,
        "cell_clip": _clamped(attrs.cell_clip / cell_scale, 32767),
    }  # fmt: skip


def _clamped(clip: float, most: int) -> int:
    return int(max(-most, min(clip, most)))


def _hidden_offset(layer: Lstm) -> int:
    """What is added to hidden values: their zero point, but its negative before a projection, as LiteRT does it."""
    zero = scale_zero(layer.hidden)[1] if layer.hidden.qparams else 0
    return zero if layer.projection is None else -zero


def _gate_text(layer: Lstm, gate: Gate, cell_scale: float, s: Symbols) -> str:
    """C initializer of one `ep_lstm_gate_t`."""
    data, state = (
        factor(scale_zero(gate.in_weights)[0], scale_zero(layer.data)[0], _GATE_SCALE),
        factor(scale_zero(gate.state_weights)[0], scale_zero(layer.state)[0], _GATE_SCALE),
    )
    peephole, name = (0, 0), "NULL"
    if gate.peephole is not None:
        peephole = factor(cell_scale, scale_zero(gate.peephole)[0], _GATE_SCALE)
        name = s.constant(f"{gate.name}_peephole")
    arrays = ", ".join(
        f".{role} = {s.constant(f'{gate.name}_{role}')}"
        for role in ("in_weights", "state_weights", "in_bias", "state_bias")
    )
    return (
        f"{{ {arrays}, .peephole = {name},\n        .in_multiplier = {data[0]}, .in_shift = {data[1]}, "
        f".state_multiplier = {state[0]}, .state_shift = {state[1]}, "
        f".peephole_multiplier = {peephole[0]}, .peephole_shift = {peephole[1]} }}"
    )


KERNELS = {OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: _ref}
