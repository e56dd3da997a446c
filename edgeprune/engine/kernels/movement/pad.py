"""PAD and PADV2: the output filled with one value, the input copied into its place."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Symbols
from edgeprune.engine.kernels.movement.moves import Side, box, filled, move_call, zero_of
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, place, require
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind, PadAttrs, Tensor, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, *TYPES), graph.output_of(op)
    check_types(graph, op, data, output)
    padding = attrs_of(op, PadAttrs).padding
    padded = tuple(before + size + after for size, (before, after) in zip(data.shape, padding, strict=True))
    require(graph, op, padded == output.shape, f"{data.shape} padded by {padding} into {output.shape}")
    steps = strides(output.shape)
    start = sum(before * step for (before, _), step in zip(padding, steps, strict=True))
    stored = _stored_value(graph, op) if op.kind is OpKind.PADV2 else None

    def fill(s: Symbols) -> str:
        if stored is None:
            return filled(s, output, zero_of(output))
        assert stored.data is not None  # there once there is code to write
        value: np.generic = stored.data.reshape(-1)[0]
        return filled(s, output, value)

    moved = box(data.shape, Side(strides(data.shape)), Side(steps, start), data.dtype.size_bytes(1))
    return move_call(graph, op, [moved], fill)


def _stored_value(graph: Graph, op: Op) -> Tensor:
    """Of PADV2: one constant in the output's type; of a network that is only planned its number is not known yet."""
    given = graph.input_of(op, 1)
    if given is None or not given.is_constant or given.element_count != 1:
        raise UnsupportedOp(f"{place(graph, op)}: its value must be one constant")
    check_types(graph, op, given, graph.output_of(op))
    return given


TYPES = ANY_TYPE
KERNELS = {OpKind.PAD: _ref, OpKind.PADV2: _ref}
