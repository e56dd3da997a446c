"""Operators become kernel calls: `lower(graph, isa, optimize)`, one call per operator.

Each file here holds one operator kind, or a family that differs in a few lines, in plain C that suits all; a folder
holds the faster ones of an instruction set. Candidates are tried in order: an implementation that does not suit the
instruction set, the trade, the shapes or the values answers None.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import ModuleType

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op, OpKind
from edgeprune.kernels import (
    absolute,
    add,
    arg_max,
    batch_matmul,
    concatenation,
    conv2d,
    dense,
    depthwise,
    early_exit,
    gather,
    hard_swish,
    leaky_relu,
    lstm,
    maximum,
    mirror_pad,
    mul,
    pad,
    pool,
    prelu,
    quantize,
    reduce,
    relu,
    resize,
    rsqrt,
    slice,
    softmax,
    split,
    svdf,
    tabulated,
    transpose,
    transpose_conv,
    views,
)  # fmt: skip
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.compressed import compress
from edgeprune.kernels.dsp import add as dsp_add
from edgeprune.kernels.dsp import channel_mean as dsp_channel_mean
from edgeprune.kernels.dsp import conv2d as dsp_conv2d
from edgeprune.kernels.dsp import dense as dsp_dense
from edgeprune.kernels.dsp import depthwise as dsp_depthwise
from edgeprune.kernels.dsp import winograd as dsp_winograd
from edgeprune.kernels.mve import add as mve_add
from edgeprune.kernels.mve import conv2d as mve_conv2d
from edgeprune.kernels.mve import dense as mve_dense
from edgeprune.kernels.mve import depthwise as mve_depthwise
from edgeprune.kernels.operands import place
from edgeprune.kernels.scalar import add as scalar_add
from edgeprune.kernels.scalar import conv2d as scalar_conv2d
from edgeprune.kernels.scalar import dense as scalar_dense
from edgeprune.kernels.scalar import depthwise as scalar_depthwise
from edgeprune.target.profile import Isa

__all__ = ["check_supported", "lower"]

Candidate = Callable[[Graph, Op, Isa, Optimize], KernelCall | None]

_FILES: Mapping[OpKind, ModuleType] = {
    OpKind.CONV_2D: conv2d,
    OpKind.DEPTHWISE_CONV_2D: depthwise,
    OpKind.FULLY_CONNECTED: dense,
    OpKind.TRANSPOSE_CONV: transpose_conv,
    OpKind.BATCH_MATMUL: batch_matmul,
    OpKind.ADD: add,
    OpKind.SUB: add,
    OpKind.MUL: mul,
    OpKind.MAXIMUM: maximum,
    OpKind.MINIMUM: maximum,
    OpKind.AVERAGE_POOL_2D: pool,
    OpKind.MAX_POOL_2D: pool,
    OpKind.MEAN: reduce,
    OpKind.SUM: reduce,
    OpKind.REDUCE_MAX: reduce,
    OpKind.SOFTMAX: softmax,
    OpKind.LOGISTIC: tabulated,
    OpKind.TANH: tabulated,
    OpKind.ELU: tabulated,
    OpKind.GELU: tabulated,
    OpKind.LEAKY_RELU: leaky_relu,
    OpKind.HARD_SWISH: hard_swish,
    OpKind.PRELU: prelu,
    OpKind.ABS: absolute,
    OpKind.SQRT: rsqrt,
    OpKind.RSQRT: rsqrt,
    OpKind.RELU: relu,
    OpKind.RELU6: relu,
    OpKind.RELU_N1_TO_1: relu,
    OpKind.PAD: pad,
    OpKind.PADV2: pad,
    OpKind.MIRROR_PAD: mirror_pad,
    OpKind.RESHAPE: views,
    OpKind.SQUEEZE: views,
    OpKind.EXPAND_DIMS: views,
    OpKind.TRANSPOSE: transpose,
    OpKind.SPACE_TO_DEPTH: transpose,
    OpKind.DEPTH_TO_SPACE: transpose,
    OpKind.CONCATENATION: concatenation,
    OpKind.PACK: concatenation,
    OpKind.SPLIT: split,
    OpKind.SPLIT_V: split,
    OpKind.UNPACK: split,
    OpKind.SLICE: slice,
    OpKind.STRIDED_SLICE: slice,
    OpKind.GATHER: gather,
    OpKind.RESIZE_NEAREST_NEIGHBOR: resize,
    OpKind.RESIZE_BILINEAR: resize,
    OpKind.ARG_MAX: arg_max,
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: lstm,
    OpKind.SVDF: svdf,
    OpKind.QUANTIZE: quantize,
    OpKind.DEQUANTIZE: quantize,
    OpKind.EARLY_EXIT: early_exit,
}

_DSP: Mapping[OpKind, tuple[Candidate, ...]] = {
    OpKind.CONV_2D: (dsp_winograd.candidate, dsp_conv2d.candidate),
    OpKind.DEPTHWISE_CONV_2D: (dsp_depthwise.candidate,),
    OpKind.FULLY_CONNECTED: (dsp_dense.candidate,),
    OpKind.ADD: (dsp_add.candidate,),
    OpKind.SUB: (dsp_add.candidate,),
    OpKind.MEAN: (dsp_channel_mean.candidate,),
    OpKind.AVERAGE_POOL_2D: (dsp_channel_mean.candidate,),
}

_MVE: Mapping[OpKind, tuple[Candidate, ...]] = {
    OpKind.CONV_2D: (mve_conv2d.candidate,),
    OpKind.DEPTHWISE_CONV_2D: (mve_depthwise.candidate,),
    OpKind.FULLY_CONNECTED: (mve_dense.candidate,),
    OpKind.ADD: (mve_add.candidate,),
    OpKind.SUB: (mve_add.candidate,),
}

_SCALAR: Mapping[OpKind, tuple[Candidate, ...]] = {
    OpKind.CONV_2D: (scalar_conv2d.candidate,),
    OpKind.DEPTHWISE_CONV_2D: (scalar_depthwise.candidate,),
    OpKind.FULLY_CONNECTED: (scalar_dense.candidate,),
    OpKind.ADD: (scalar_add.candidate,),
    OpKind.SUB: (scalar_add.candidate,),
}

_FAST: Mapping[Isa, tuple[tuple[Isa, Mapping[OpKind, tuple[Candidate, ...]]], ...]] = {
    Isa.SCALAR: ((Isa.SCALAR, _SCALAR),),
    Isa.DSP: ((Isa.DSP, _DSP),),
    Isa.MVE: ((Isa.MVE, _MVE), (Isa.DSP, _DSP)),  # a core with the vectors has the DSP extension, too
}


def lower(graph: Graph, isa: Isa, optimize: Optimize, faster: Collection[int] = frozenset()) -> tuple[KernelCall, ...]:
    """One call per op of `graph`, in order. Shapes suffice; constants without values give calls without values.

    Args:
        faster: positions of ops that get the kernel of `Optimize.SPEED` whatever the others get.

    Raises:
        UnsupportedOp: an op, element type or setting the engine has no kernel for.
        ModelError: shapes or quantization that do not fit together.
    """
    calls = tuple(
        _lower(graph, op, isa, Optimize.SPEED if index in faster else optimize) for index, op in enumerate(graph.ops)
    )
    return compress(graph, calls, faster, isa) if optimize is Optimize.SIZE else calls


def check_supported(graph: Graph) -> None:
    """Raises UnsupportedOp naming every op of `graph` the engine cannot run, before anything expensive is done."""
    problems = []
    for op in graph.ops:
        try:
            _lower(graph, op, Isa.REF, Optimize.BALANCED)
        except UnsupportedOp as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UnsupportedOp(
            f"{len(problems)} of {len(graph.ops)} operators cannot run:\n"
            + "\n".join(problem.message for problem in problems),
            problems[0].hint,
        )


def _lower(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    if op.kind not in _FILES:
        raise UnsupportedOp(
            f"{place(graph, op)}: the engine has no kernel for {op.kind}",
            "replace the layer in the model, or keep it on the host",
        )
    ways = [(own, candidate) for own, kinds in _FAST.get(isa, ()) for candidate in kinds.get(op.kind, ())]
    plain: tuple[Candidate, ...] = _FILES[op.kind].CANDIDATES
    for own, candidate in (*ways, *((isa, candidate) for candidate in plain)):
        call = candidate(graph, op, own, optimize)
        if call is not None:
            return call
    raise UnsupportedOp(f"{place(graph, op)}: no kernel suits it")
