"""DEPTHWISE_CONV_2D of any window, two taps an instruction (`firmware/include/dsp/planes.h`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Others, Shared
from edgeprune.engine.kernels.dsp.constants import (
    SHIFTS,
    USUAL_SHIFT,
    LiftedConstants,
    counts_on_two,
    exact_constants,
    lifted_constants,
)
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.planes import PlaneKernel, Planes, choose_planes, in_reach, plane_call
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import accumulator_range
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_ACC_LIMIT = 1 << 30  # may be doubled
_MOST_TAPS = 32  # of a row: straight code
_MOST_OUTPUTS = 4
_BLOCK_COST = 6  # instructions beside loads and products
_CODE_BESIDE = {Optimize.SIZE: 70, Optimize.BALANCED: 105, Optimize.SPEED: 105}  # about: the compiler writes it


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    layer = read_depthwise(graph, op)
    if layer.weights.dtype is DType.INT4 and optimize is Optimize.SIZE:
        return None
    planes = choose_planes(layer, most_outputs)
    if planes is None or planes.axes.taps > _MOST_TAPS:
        return None
    if layer.weights.data is None:
        return plane_call(
            planes, _kernel(planes, USUAL_SHIFT if counts_on_two(layer.op, layer.output) else None, optimize)
        )
    if not in_reach(layer, _ACC_LIMIT):
        return None
    return _with_values(layer, planes, optimize)


def _with_values(layer: Depthwise, planes: Planes, optimize: Optimize) -> KernelCall | None:
    is_two = optimize is Optimize.SPEED or counts_on_two(layer.op, layer.output)
    two = _in_two_instructions(layer, planes, optimize, SHIFTS) if is_two else None
    if two is not None:
        return two
    exact = exact_constants(layer.scaling)
    if exact is not None:
        return plane_call(planes, replace(_kernel(planes, None, optimize), scale=exact))
    return _in_two_instructions(layer, planes, optimize, SHIFTS)


def _in_two_instructions(
    layer: Depthwise, planes: Planes, optimize: Optimize, shifts: Sequence[int]
) -> KernelCall | None:
    reach = accumulator_range(layer.rows, layer.folded_bias)
    for shift in shifts:
        two = lifted_constants(layer.scaling, *reach, shift)
        if two.solved.all():
            return _lifted_call(layer, planes, optimize, two, shift)
    return None


def _lifted_call(layer: Depthwise, planes: Planes, optimize: Optimize, two: LiftedConstants, shift: int) -> KernelCall:
    kernel = replace(_kernel(planes, shift, optimize), scale=two.constants, times=two.constants[:, 2], nudge=two.nudge)

    def others() -> Others:
        return {
            _kernel(planes, one, optimize).shared: partial(_in_two_instructions, layer, planes, optimize, (one,))
            for one in SHIFTS
        }

    return replace(plane_call(planes, kernel), others=others)


def most_outputs(outputs: int, taps: int, stride: int) -> int:
    """Outputs whose sums are kept in registers at once."""
    return min(outputs, _MOST_OUTPUTS)


def _block_instructions(block: int, taps: int, stride: int) -> int:
    """Of one row of taps: inputs, weights, products."""
    words = ((block - 1) * stride + taps + 1) // 2
    odd = block // 2 if stride % 2 else 0
    products = (block - odd) * -(-taps // 2) + odd * (taps // 2 + 1)
    return words + taps + products + _BLOCK_COST


def _kernel(planes: Planes, shift: int | None, optimize: Optimize) -> PlaneKernel:
    """`shift`: of the two-instruction way, None for the exact one."""
    axes, layer = planes.axes, planes.layer
    block, rest = planes.block, max(count % planes.block for count in planes.segments)
    shape = (
        f"{axes.taps}, {axes.tap_rows}, {axes.row_dilation * planes.row}, {axes.plane_stride}, "
        f"{axes.phases * axes.out_step}, {block}, {rest}"
    )
    if shift is not None:
        macro, ends = "EP_PLANE_TWO", f"{shift}"
    else:
        low, high = activation_range(layer.op.activation, layer.output) if layer.output.qparams else (-128, 127)
        macro, ends = "EP_PLANE_EXACT", f"{low}, {high}"
    run = f"{macro.lower()}_{shape}_{ends}".replace(", ", "_").replace("-", "m")
    blocks = sum(_block_instructions(outputs, axes.taps, axes.plane_stride) for outputs in (block, rest) if outputs)
    code_bytes = 4 * (blocks + _CODE_BESIDE[optimize])
    return PlaneKernel(
        copy="ep_plane_copy_dsp",
        run=run,
        sources=("dsp/planes.c",),
        headers=("dsp/planes.h",),
        taps_words=axes.tap_rows * max(1, axes.taps - 1),
        scale=None,
        features={"exact_outputs": layer.window.batches * layer.window.out_len if shift is None else 0},
        shared=(Shared(f"{macro}({run}, {shape}, {ends})\n", code_bytes, "" if shift is None else f"{macro} {shape}"),),
    )
