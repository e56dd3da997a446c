"""Per operator kind: its attributes, and which of its inputs are values rather than settings.

TFLite keeps some settings (paddings, axes, permutations) in constant input tensors. In the normal form of
`edgeprune.ir` they are attributes and the tensors are gone from the op's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Activation, OpKind, Tensor
from edgeprune.tflite.slices import strided_slice
from edgeprune.tflite.windows import same_or_valid, transposed_pad

Attrs = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """One operator as the file states it.

    Attributes:
        where: kind, layer and position, for messages.
        options: the generated options object, None where the file has none.
        inputs: input tensors in the file's order, None where absent.
        outputs: output tensors.
        intermediates: indices of tensors that only carry quantization (LSTM).
    """

    where: str
    options: Any
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    intermediates: tuple[int, ...] = ()

    def input(self, index: int) -> Tensor:
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise ModelError(f"{self.where}: input {index} is missing")
        return tensor

    def ints(self, index: int) -> tuple[int, ...]:
        """Values of constant integer input `index`."""
        tensor = self.input(index)
        if tensor.data is None:
            raise UnsupportedOp(
                f"{self.where}: its setting {tensor.name!r} is computed while the model runs",
                "export the model with fixed shapes",
            )
        if tensor.data.dtype.kind not in "iu":
            raise ModelError(f"{self.where}: {tensor.name!r} must hold integers, it holds {tensor.dtype}")
        if tensor.data.size > 64:
            raise ModelError(f"{self.where}: {tensor.name!r} has {tensor.data.size} values, more than any axis count")
        return tuple(int(value) for value in tensor.data.ravel())

    def axis(self, value: int, rank: int) -> int:
        """A possibly negative axis as 0 <= axis < rank."""
        if not -rank <= value < rank:
            raise ModelError(f"{self.where}: axis {value} does not exist in a tensor of {rank} axes")
        return value % rank

    def real(self, value: float) -> float:
        """A setting that is a number."""
        if not isfinite(value):
            raise ModelError(f"{self.where}: one of its settings is {value}")
        return float(value)

    def rank(self, index: int = 0) -> int:
        return len(self.input(index).shape)


_ACTIVATIONS = {0: Activation.NONE, 1: Activation.RELU, 2: Activation.RELU_N1_TO_1, 3: Activation.RELU6}


def _activation(s: Source) -> Attrs:
    code = s.options.FusedActivationFunction()
    if code not in _ACTIVATIONS:
        raise UnsupportedOp(f"{s.where}: fused activation number {code} has no int8 form")
    return {"activation": _ACTIVATIONS[code]}


def _conv(s: Source) -> Attrs:
    o = s.options
    stride, dilation = (o.StrideH(), o.StrideW()), (o.DilationHFactor(), o.DilationWFactor())
    pad = same_or_valid(s.where, o.Padding(), s.input(0), s.input(1).shape[1:3], stride, dilation)
    return {"stride": stride, "dilation": dilation, "pad": pad} | _activation(s)


def _transpose_conv(s: Source) -> Attrs:
    stride = (s.options.StrideH(), s.options.StrideW())
    pad = transposed_pad(s.where, s.options.Padding(), s.input(2), s.input(1), s.outputs[0], stride)
    return {"stride": stride, "pad": pad} | _activation(s)


def _pool(s: Source) -> Attrs:
    o = s.options
    stride, window = (o.StrideH(), o.StrideW()), (o.FilterHeight(), o.FilterWidth())
    pad = same_or_valid(s.where, o.Padding(), s.input(0), window, stride, (1, 1))
    return {"filter": window, "stride": stride, "pad": pad} | _activation(s)


def _dense(s: Source) -> Attrs:
    if s.options.WeightsFormat() != 0:
        raise UnsupportedOp(f"{s.where}: shuffled weights")
    return _activation(s)


def _reduce(s: Source) -> Attrs:
    axes = tuple(sorted({s.axis(axis, s.rank()) for axis in s.ints(1)}))
    return {"axes": axes, "keep_dims": bool(s.options.KeepDims())}


def _padding(s: Source) -> Attrs:
    values = s.ints(1)
    if len(values) != 2 * s.rank() or min(values) < 0:
        raise ModelError(f"{s.where}: paddings {values} do not fit a tensor of {s.rank()} axes")
    return {"padding": tuple(zip(values[::2], values[1::2], strict=True))}


def _mirror_pad(s: Source) -> Attrs:
    return _padding(s) | {"mode": {0: "reflect", 1: "symmetric"}[s.options.Mode()]}


def _transpose(s: Source) -> Attrs:
    permutation = tuple(s.axis(axis, s.rank()) for axis in s.ints(1))
    if sorted(permutation) != list(range(s.rank())):
        raise ModelError(f"{s.where}: {permutation} is no permutation of {s.rank()} axes")
    return {"permutation": permutation}


def _concatenation(s: Source) -> Attrs:
    return {"axis": s.axis(s.options.Axis(), s.rank())} | _activation(s)


def _split(s: Source) -> Attrs:
    return {"axis": s.axis(s.ints(0)[0], s.rank(1))}


def _split_v(s: Source) -> Attrs:
    axis = s.axis(s.ints(2)[0], s.rank())
    return {"axis": axis, "sizes": tuple(output.shape[axis] for output in s.outputs)}


def _pack(s: Source) -> Attrs:
    return {"axis": s.axis(s.options.Axis(), s.rank() + 1)}


def _unpack(s: Source) -> Attrs:
    return {"axis": s.axis(s.options.Axis(), s.rank())}


def _slice(s: Source) -> Attrs:
    shape, begin, size = s.input(0).shape, s.ints(1), s.ints(2)
    if not len(shape) == len(begin) == len(size):
        raise ModelError(f"{s.where}: begin {begin} and size {size} do not fit shape {shape}")
    size = tuple(n - b if m == -1 else m for n, b, m in zip(shape, begin, size, strict=True))
    if any(b < 0 or m < 0 or b + m > n for n, b, m in zip(shape, begin, size, strict=True)):
        raise ModelError(f"{s.where}: begin {begin}, size {size} leave the shape {shape}")
    return {"begin": begin, "size": size}


def _strided_slice(s: Source) -> Attrs:
    return strided_slice(s.where, s.input(0).shape, s.ints(1), s.ints(2), s.ints(3), s.options)


def _gather(s: Source) -> Attrs:
    if s.options.BatchDims() != 0:
        raise UnsupportedOp(f"{s.where}: batch_dims {s.options.BatchDims()}; only 0 is supported")
    return {"axis": s.axis(s.options.Axis(), s.rank())}


def _resize(s: Source) -> Attrs:
    if s.ints(1) != s.outputs[0].shape[1:3]:
        raise ModelError(f"{s.where}: resizes to {s.ints(1)}, but its output has shape {s.outputs[0].shape}")
    return {
        "align_corners": bool(s.options.AlignCorners()),
        "half_pixel_centers": bool(s.options.HalfPixelCenters()),
    }


def _arg_max(s: Source) -> Attrs:
    return {"axis": s.axis(s.ints(1)[0], s.rank())}


def _lstm(s: Source) -> Attrs:
    o = s.options
    if o.FusedActivationFunction() != 4:
        raise UnsupportedOp(f"{s.where}: its activation is not tanh")
    return {
        "cell_clip": s.real(o.CellClip()),
        "projection_clip": s.real(o.ProjClip()),
        "time_major": bool(o.TimeMajor()),
        "intermediates": s.intermediates,
    }


def _block(s: Source) -> Attrs:
    return {"block_size": s.options.BlockSize()}


def _none(s: Source) -> Attrs:
    return {}


@dataclass(frozen=True)
class Rule:
    """options: generated class ("" where an op needs none); inputs: those kept, in normal order, None for all;
    required: how many of them, from the first on, must be there."""

    options: str
    read: Callable[[Source], Attrs]
    inputs: tuple[int, ...] | None = None
    required: int = 1


_FIRST = (0,)
RULES: Mapping[OpKind, Rule] = {
    OpKind.CONV_2D: Rule("Conv2DOptions", _conv, required=2),
    OpKind.DEPTHWISE_CONV_2D: Rule("DepthwiseConv2DOptions", _conv, required=2),
    OpKind.TRANSPOSE_CONV: Rule("TransposeConvOptions", _transpose_conv, (2, 1, 3), required=2),
    OpKind.FULLY_CONNECTED: Rule("FullyConnectedOptions", _dense, required=2),
    OpKind.ADD: Rule("AddOptions", _activation, required=2),
    OpKind.SUB: Rule("SubOptions", _activation, required=2),
    OpKind.MUL: Rule("MulOptions", _activation, required=2),
    OpKind.MAXIMUM: Rule("", _none, required=2),
    OpKind.MINIMUM: Rule("", _none, required=2),
    OpKind.AVERAGE_POOL_2D: Rule("Pool2DOptions", _pool),
    OpKind.MAX_POOL_2D: Rule("Pool2DOptions", _pool),
    OpKind.MEAN: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.SUM: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.REDUCE_MAX: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.SOFTMAX: Rule("SoftmaxOptions", lambda s: {"beta": s.real(s.options.Beta())}),
    OpKind.LOGISTIC: Rule("", _none),
    OpKind.TANH: Rule("", _none),
    OpKind.RELU: Rule("", _none),
    OpKind.RELU6: Rule("", _none),
    OpKind.RELU_N1_TO_1: Rule("", _none),
    OpKind.LEAKY_RELU: Rule("LeakyReluOptions", lambda s: {"alpha": s.real(s.options.Alpha())}),
    OpKind.PRELU: Rule("", _none, required=2),
    OpKind.HARD_SWISH: Rule("", _none),
    OpKind.ELU: Rule("", _none),
    OpKind.GELU: Rule("GeluOptions", lambda s: {"approximate": bool(s.options.Approximate())}),
    OpKind.PAD: Rule("", _padding, _FIRST),
    OpKind.PADV2: Rule("", _padding, (0, 2)),
    OpKind.MIRROR_PAD: Rule("MirrorPadOptions", _mirror_pad, _FIRST),
    OpKind.RESHAPE: Rule("", _none, _FIRST),
    OpKind.SQUEEZE: Rule("", _none, _FIRST),
    OpKind.EXPAND_DIMS: Rule("", _none, _FIRST),
    OpKind.TRANSPOSE: Rule("", _transpose, _FIRST),
    OpKind.CONCATENATION: Rule("ConcatenationOptions", _concatenation),
    OpKind.SPLIT: Rule("", _split, (1,)),
    OpKind.SPLIT_V: Rule("", _split_v, _FIRST),
    OpKind.PACK: Rule("PackOptions", _pack),
    OpKind.UNPACK: Rule("UnpackOptions", _unpack),
    OpKind.SLICE: Rule("", _slice, _FIRST),
    OpKind.STRIDED_SLICE: Rule("StridedSliceOptions", _strided_slice, _FIRST),
    OpKind.GATHER: Rule("GatherOptions", _gather, required=2),
    OpKind.RESIZE_NEAREST_NEIGHBOR: Rule("ResizeNearestNeighborOptions", _resize, _FIRST),
    OpKind.RESIZE_BILINEAR: Rule("ResizeBilinearOptions", _resize, _FIRST),
    OpKind.SPACE_TO_DEPTH: Rule("SpaceToDepthOptions", _block),
    OpKind.DEPTH_TO_SPACE: Rule("DepthToSpaceOptions", _block),
    OpKind.QUANTIZE: Rule("", _none),
    OpKind.DEQUANTIZE: Rule("", _none),
    OpKind.ABS: Rule("", _none),
    OpKind.SQRT: Rule("", _none),
    OpKind.RSQRT: Rule("", _none),
    OpKind.BATCH_MATMUL: Rule(
        "BatchMatMulOptions",
        lambda s: {"adj_x": bool(s.options.AdjX()), "adj_y": bool(s.options.AdjY())},
        required=2,
    ),
    OpKind.ARG_MAX: Rule("", _arg_max, _FIRST),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: Rule("UnidirectionalSequenceLSTMOptions", _lstm),
    OpKind.SVDF: Rule("SVDFOptions", lambda s: {"rank": int(s.options.Rank())} | _activation(s)),
}
