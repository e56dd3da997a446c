"""GATHER: slices of the input picked by an index tensor, e.g. an embedding."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, GatherAttrs, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output, attrs = graph.input_of(op, 0), graph.output_of(op), attrs_of(op, GatherAttrs)
    indices = input_tensor(graph, op, 1, DType.INT32)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    check_types(graph, op, data, output)
    axis, batches = attrs.axis, attrs.batch_dims
    require(graph, op, data.shape[:batches] == indices.shape[:batches], f"{indices.shape} of batches {data.shape}")
    expected = (*data.shape[:axis], *indices.shape[batches:], *data.shape[axis + 1 :])
    require(graph, op, expected == output.shape, f"{indices.shape} of {data.shape} into {output.shape}")
    if indices.data is not None:
        inside = int(indices.data.min()) >= 0 and int(indices.data.max()) < data.shape[axis]
        require(graph, op, inside, f"an index outside an axis of {data.shape[axis]}")
    source, picked = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        fields = {
            "batches": prod(data.shape[:batches]), "outer": prod(data.shape[batches:axis]),
            "axis_len": data.shape[axis], "count": prod(indices.shape[batches:]),
            "slice_bytes": prod(data.shape[axis + 1 :]) * data.dtype.size_bytes(1),
        }  # fmt: skip
        return params(s, "ep_gather_t", fields)

    return KernelCall(
        function="ep_gather_ref",
        emit=lambda s: (
            f"ep_gather_ref(&{s.layer}_params, {source.expression(s)}, {picked.expression(s)}, {s.output(0)});"
        ),
        sources=("ref/gather.c",),
        headers=("ep_gather.h",),
        constants=(*source.constants, *picked.constants),
        work=Work(
            outputs=output.element_count,
            features={
                "runs": prod(data.shape[:axis]) * prod(indices.shape[batches:]), "run_bytes": output.size_bytes,
            },
        ),
        definitions=definitions,
    )  # fmt: skip


TYPES = ANY_TYPE
KERNELS = {OpKind.GATHER: _ref}
