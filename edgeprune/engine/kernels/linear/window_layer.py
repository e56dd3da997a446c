"""Convolutions and depthwise ones: what every implementation of them starts from, and the call of the plain C."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import Window, inside_taps, window_overlaps
from edgeprune.engine.kernels.linear.arrays import array_fields, quantization_fields, scale_tables
from edgeprune.engine.kernels.operands import as_constant, image_calls, params
from edgeprune.engine.kernels.scaling import Int64s, Scaling, folded_bias, layer_scaling
from edgeprune.ir import Op, Tensor


@dataclass(frozen=True, eq=False)
class WindowLayer(ABC):
    """A layer whose filters slide over an image, checked.

    Attributes:
        window: sizes; out_c is the number of filters.
        image: input (N, H, W, C) int8; int16 for `sums16.py` alone.
        weights: int8 or int4.
        bias: (out_c) int32 or None; of int16 layers int64, too.
        output: (N, H', W', out_c) of the image's type.
    """

    op: Op
    window: Window
    image: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor

    @property
    @abstractmethod
    def filter_c(self) -> int:
        """Input channels that a filter reads."""

    @property
    @abstractmethod
    def rows(self) -> Int64s:
        """(out_c, taps) weights of each filter; where there are values."""

    @property
    def macs(self) -> int:
        window = self.window
        return window.batches * window.out_len * window.kernel_h * window.kernel_w * self.filter_c

    @cached_property
    def scaling(self) -> Scaling:
        return layer_scaling(self.op, self.image, self.weights, self.output, self.window.out_c)

    @cached_property
    def folded_bias(self) -> Int64s:
        """(out_c,) with the input's zero point in it; where there are values."""
        return folded_bias(self.rows, self.bias, self.image)


@dataclass(frozen=True, eq=False)
class PlainKernel:
    """A function in plain C.

    Attributes:
        function, source, header: where it is.
        ctype: of its parameters.
        own_fields: of those, beside what all window layers have.
        weights: as it reads them.
        channels_in_step: as in `window_overlaps`.
    """

    function: str
    source: str
    header: str
    ctype: str
    own_fields: Mapping[str, object]
    weights: Constant
    channels_in_step: bool


def plain_call(layer: WindowLayer, kernel: PlainKernel) -> KernelCall:
    op, window = layer.op, layer.window

    def definitions(s: Symbols) -> str:
        fields = array_fields(s, layer.bias) | window.fields() | dict(kernel.own_fields) | {
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
        }  # fmt: skip
        return params(s, kernel.ctype, fields | quantization_fields(op, layer.image, layer.weights, layer.output))

    biases = () if layer.bias is None else (as_constant("bias", layer.bias),)
    return KernelCall(
        function=kernel.function,
        emit=lambda s: image_calls(s, kernel.function, layer.image, layer.output),
        sources=(kernel.source,),
        headers=(kernel.header,),
        constants=(
            kernel.weights, *biases, *scale_tables(layer.image, layer.weights, layer.output, window.out_c)
        ),
        overlaps=window_overlaps(window, kernel.channels_in_step),
        work=Work(
            macs=layer.macs, outputs=window.batches * window.out_len,
            features=inside_taps(window, filters=window.out_c, tap_macs=layer.filter_c),
        ),
        definitions=definitions,
    )  # fmt: skip
