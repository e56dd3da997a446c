"""DEPTHWISE_CONV_2D of any window (`firmware/include/scalar/planes.h`)."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Shared
from edgeprune.engine.kernels.linear.depthwise import read_depthwise
from edgeprune.engine.kernels.planes import PlaneKernel, Planes, choose_planes, in_reach, plane_call
from edgeprune.engine.kernels.scalar.stream import scale_words
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_RAISE = 128
_ACC_LIMIT = 1 << 29
_MOST_COLUMNS = 31  # that ARMv6-M reaches from the row's start
_BLOCKS = (4, 2)
_BLOCK_COST = 8  # instructions beside loads and products
_CODE_BESIDE = 60  # instructions of the function, about: the compiler writes it


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    layer = read_depthwise(graph, op)
    if layer.weights.dtype is DType.INT4 and optimize is Optimize.SIZE:
        return None
    planes = choose_planes(layer, best_block)
    if planes is None or (planes.block - 1) * planes.axes.plane_stride + planes.axes.taps > _MOST_COLUMNS:
        return None
    if layer.weights.data is None:
        return plane_call(planes, _kernel(planes, None))
    scale = scale_words(layer.scaling)
    return plane_call(planes, _kernel(planes, scale)) if scale is not None and in_reach(layer, _ACC_LIMIT) else None


def best_block(outputs: int, taps: int, stride: int) -> int:
    """Outputs whose sums are kept in registers at once."""
    if outputs == 1:
        return 1
    return min(_BLOCKS, key=lambda block: -(-outputs // block) * _block_instructions(block, taps, stride))


def _block_instructions(block: int, taps: int, stride: int) -> int:
    """Of one row of taps: inputs, weights, products."""
    return (block - 1) * stride + 2 * taps + block * taps + _BLOCK_COST


def _kernel(planes: Planes, scale: Int64s | None) -> PlaneKernel:
    axes = planes.axes
    shape = f"{axes.taps}, {axes.tap_rows}, {axes.row_dilation * planes.row}, {axes.plane_stride}, {planes.block}"
    run = f"ep_plane_scalar_{shape}".replace(", ", "_")
    code_bytes = 4 * (_block_instructions(planes.block, axes.taps, axes.plane_stride) + _CODE_BESIDE)
    return PlaneKernel(
        copy="ep_plane_copy_scalar",
        run=run,
        sources=("scalar/planes.c", "scalar/finish.c"),
        headers=("scalar/planes.h",),
        taps_words=axes.taps * axes.tap_rows,
        scale=scale,
        shared=(Shared(f"EP_PLANE_SCALAR({run}, {shape})\n", code_bytes),),
        raised=_RAISE,
    )
