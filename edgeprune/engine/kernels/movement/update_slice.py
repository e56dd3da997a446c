"""DYNAMIC_UPDATE_SLICE: a tensor with a box of it replaced, at a place that is constant or computed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Symbols
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, require, table
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    whole, part = input_tensor(graph, op, 0, *ANY_TYPE), input_tensor(graph, op, 1, *ANY_TYPE)
    starts, output, rank = input_tensor(graph, op, 2, DType.INT32), graph.output_of(op), len(whole.shape)
    check_types(graph, op, whole, part, output)
    fits = output.shape == whole.shape and len(part.shape) == rank == starts.element_count
    spare = np.array(whole.shape) - np.array(part.shape) if fits else np.array([-1])
    require(graph, op, fits and bool((spare >= 0).all()), f"{part.shape} at {starts.shape} of {whole.shape}")
    steps, element_bytes = strides(whole.shape), whole.dtype.size_bytes(1)
    all_of_it = box([whole.element_count], Side([1]), Side([1]), element_bytes)
    moved = box(part.shape, Side(strides(part.shape), index=1), Side(steps), element_bytes)
    picked = operand(graph, op, 2)

    def before(s: Symbols) -> str:
        return (
            f"const uint32_t start = ep_box_start({picked.expression(s)}, {s.constant('spare')}, "
            f"{s.constant('steps')}, {rank}U);"
        )

    call = move_call(graph, op, [all_of_it, replace(moved, out_start="start")], before)
    return replace(
        call,
        headers=(*call.headers, "ep_update_slice.h"),
        constants=(
            *call.constants,
            table("spare", "int32_t", rank, lambda: spare.astype(np.int32)),
            table("steps", "uint32_t", rank, lambda: np.array(steps, np.uint32) * element_bytes),
            *picked.constants,
        ),
    )


TYPES = ANY_TYPE
KERNELS = {OpKind.DYNAMIC_UPDATE_SLICE: _ref}
