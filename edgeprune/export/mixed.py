"""The few layers of a network that are worth int16 activations between others of int8.

Rounding of an activation goes where both its maker and its readers have int16; so one that is to blame takes its maker
and its readers together. They are taken in the order of blame until half of the noise power is left (3 dB), as far as a
quarter of the operators. The choice stands if the outputs really come nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from edgeprune.export.tflite import export_tflite
from edgeprune.ir import Graph, OpKind
from edgeprune.model.noted.int16_layers import int16_layers, note_int16_layers
from edgeprune.quantize.layer_sqnr import LayerSqnr

_TAKEN = frozenset({
    OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.FULLY_CONNECTED, OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MEAN,
    OpKind.AVERAGE_POOL_2D, OpKind.MAX_POOL_2D, OpKind.RESHAPE, OpKind.PAD, OpKind.CONCATENATION, OpKind.LOGISTIC,
    OpKind.TANH,
})  # fmt: skip
"""Kinds with int16 kernels in LiteRT and here."""
_LEFT_SHARE = 0.5
_MOST_OPERATORS = 0.25
_LEAST_GAIN_DB = 1.0


@dataclass(frozen=True)
class Int16Choice:
    """layers: names of operators; int8_db, mixed_db: SQNR of the outputs over the samples, without and with them."""

    layers: tuple[str, ...]
    int8_db: float
    mixed_db: float


def int16_choice(module: nn.Module, samples: Tensor) -> Int16Choice:
    """Args:
        module: nothing is noted on it yet, and nothing stays noted.
        samples: (N, C, ...) float32 to calibrate on.

    Raises:
        ModelError: the module cannot be exported.
    """
    plain = export_tflite(module, samples)
    layers = _to_blame(plain.quantization.floats, plain.layer_sqnr(samples))
    if not layers:
        return Int16Choice((), plain.sqnr_db, plain.sqnr_db)
    before = int16_layers(module)
    note_int16_layers(module, layers)
    try:
        mixed = export_tflite(module, samples)
    finally:
        note_int16_layers(module, before)
    gained = mixed.sqnr_db >= plain.sqnr_db + _LEAST_GAIN_DB
    return Int16Choice(tuple(layers) if gained else (), plain.sqnr_db, mixed.sqnr_db)


def _to_blame(graph: Graph, blame: Sequence[LayerSqnr]) -> list[str]:
    """In execution order."""
    chosen, left = set[int](), 1.0
    most = max(2, round(_MOST_OPERATORS * len(graph.ops)))
    named = {op.name: position for position, op in enumerate(graph.ops)}
    for layer in sorted(blame, key=lambda one: -one.share):
        position = named.get(layer.name)
        if position is None or left <= _LEFT_SHARE:
            continue
        (output, *others) = graph.ops[position].outputs
        together = {position, *graph.consumers.get(output, ())}
        takes = not others and output not in graph.outputs and all(graph.ops[one].kind in _TAKEN for one in together)
        if takes and len(chosen | together) <= most:
            chosen |= together
            left -= layer.share
    return [graph.ops[position].name for position in sorted(chosen)]
