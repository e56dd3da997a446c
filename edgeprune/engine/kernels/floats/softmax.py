"""SOFTMAX and L2_NORMALIZATION of float32 over the last axis."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, SoftmaxAttrs, attrs_of


def _softmax(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    sources = ("ref/float_softmax.c", "ref/float_exponential.c")
    return _rows(graph, op, "ep_softmax_float_ref", sources, f", {attrs_of(op, SoftmaxAttrs).beta:.9e}F")


def _l2_normalization(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    sources = ("ref/float_unary.c", "ref/float_exponential.c")
    return _rows(graph, op, "ep_l2_normalization_float_ref", sources, "")


def _rows(graph: Graph, op: Op, function: str, sources: tuple[str, ...], setting: str) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.FLOAT32), output_tensor(graph, op, DType.FLOAT32)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    sizes = f"{data.element_count // data.shape[-1]}U, {data.shape[-1]}U{setting}"
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}({s.input(0)}, {s.output(0)}, {sizes});",
        sources=sources,
        headers=("ep_float.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=output.element_count, features={"rows": output.element_count // output.shape[-1]}),
    )


KERNELS = {OpKind.SOFTMAX: _softmax, OpKind.L2_NORMALIZATION: _l2_normalization}
