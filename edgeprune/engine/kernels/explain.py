"""Which kernel runs a layer, of which instruction set, and why no faster one does."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import fast_call, has_fast
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.operands import activation_type
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, WindowAttrs


def runs_on(call: KernelCall) -> str:
    """`ref` for plain C, or the folder of its instruction set; `nothing` for a view, `memcpy` for bytes in one run."""
    if call.is_view:
        return "nothing"
    folders = [source.partition("/")[0] for source in call.sources]
    own = next((folder for folder in folders if folder != "ref"), None)
    return own or ("ref" if folders else "memcpy")


def why_plain(graph: Graph, op: Op, call: KernelCall, isa: Isa, optimize: Optimize) -> str | None:
    """In words; None where a kernel of the instruction set runs the whole layer, or nothing runs at all."""
    if call.is_view or not call.sources:
        return None
    if call.parts and op.kind is not OpKind.STAGE:
        alone = call.parts[-1][0].work.outputs
        return f"{alone:,} of {call.work.outputs:,} outputs are made in plain C: {_BEYOND}"
    if runs_on(call) != "ref" or op.kind is OpKind.STAGE:
        return None
    if isa is Isa.REF or not has_fast(graph, op, isa):
        wide = " over int16" if activation_type(graph, op) is DType.INT16 else ""
        return f"no {isa} kernel for {op.kind}{wide}: plain C is all there is"
    if fast_call(_without_values(graph), op, isa, optimize) is None:
        return f"no {isa} kernel at {optimize} for {_shape(graph, op)}"
    return f"its values: {_BEYOND}"


_BEYOND = "sums or factors beyond what the fast kernel is proved for"


def _without_values(graph: Graph) -> Graph:
    return graph.with_tensors(tuple(replace(tensor, data=None) for tensor in graph.tensors))


def _shape(graph: Graph, op: Op) -> str:
    """What the choice of a kernel goes by."""
    inputs = [graph.tensors[index] for index in op.inputs if index >= 0]
    ends = f"{_sides(inputs[0].shape)} to {_sides(graph.output_of(op).shape)}"
    if not isinstance(op.attrs, WindowAttrs):
        return ends
    taps = op.attrs.filter if hasattr(op.attrs, "filter") else inputs[1].shape[1:3]
    words = [f"a {taps[0]}x{taps[1]} window"]
    if op.attrs.stride != (1, 1):
        words.append(f"stride {op.attrs.stride[0]}x{op.attrs.stride[1]}")
    if op.attrs.dilation != (1, 1):
        words.append(f"dilation {op.attrs.dilation[0]}x{op.attrs.dilation[1]}")
    if isinstance(op.attrs, Conv2dAttrs):
        in_c, out_c = inputs[0].shape[3], inputs[1].shape[op.traits.weight_output_axis or 0]
        if op.kind is OpKind.DEPTHWISE_CONV_2D and out_c != in_c:
            words.append(f"{out_c // in_c} filters a channel")
        elif op.kind is OpKind.CONV_2D and inputs[1].shape[3] != in_c:
            words.append(f"{in_c // inputs[1].shape[3]} groups")
    return f"{', '.join(words)}, {ends}"


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
