"""MEAN over an image and AVERAGE_POOL_2D as large as one (`firmware/include/dsp/channel_mean.h`)."""

from __future__ import annotations

from collections.abc import Callable

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params
from edgeprune.engine.kernels.reduction.reduce import mean_multiplier
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, PoolAttrs, ReduceAttrs, Tensor


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    if (
        len(image.shape) != 4
        or image.shape[0] != 1
        or output.element_count != image.shape[3]
        or image.shape[3] > 0xFFFF
    ):
        return None
    attrs = op.attrs
    if op.kind is OpKind.MEAN and isinstance(attrs, ReduceAttrs) and tuple(sorted(attrs.axes)) == (1, 2):
        return _mean(op, image, output)
    if op.kind is OpKind.AVERAGE_POOL_2D and isinstance(attrs, PoolAttrs):
        return _average(op, image, output) if attrs.filter == image.shape[1:3] and not any(attrs.pad) else None
    return None


def _mean(op: Op, image: Tensor, output: Tensor) -> KernelCall:
    pixels = image.shape[1] * image.shape[2]

    def fields() -> dict[str, object]:
        multiplier, shift = mean_multiplier(image, output, pixels)
        zeros = {"in_zero": scale_zero(image)[1], "out_zero": scale_zero(output)[1]}
        return {"pixels": pixels, "channels": image.shape[3], **zeros, "multiplier": multiplier, "shift": shift}

    return _call("ep_channel_mean_dsp", lambda s: params(s, "ep_channel_mean_t", fields()), image)


def _average(op: Op, image: Tensor, output: Tensor) -> KernelCall | None:
    if image.qparams != output.qparams:
        return None

    def fields() -> dict[str, object]:
        low, high = activation_range(op.activation, output)
        pixels = image.shape[1] * image.shape[2]
        return {"pixels": pixels, "channels": image.shape[3], "out_min": low, "out_max": high}

    return _call("ep_channel_average_dsp", lambda s: params(s, "ep_channel_average_t", fields()), image)


def _call(function: str, definitions: Callable[[Symbols], str], image: Tensor) -> KernelCall:
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("dsp/channel_mean.c",),
        headers=("dsp/channel_mean.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=image.shape[3], features={"taps": image.element_count}),
        definitions=definitions,
    )
