"""Attributes of operators beyond their tensors: a frozen dataclass for each kind, or for kinds that have the same.

Which kind has which is in `traits.py`; an `Op` with another's is refused. Passes change them with
`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

Pair = tuple[int, int]  # (height, width)
Pad = tuple[int, int, int, int]  # (top, bottom, left, right)
NO_PAD: Pad = (0, 0, 0, 0)


class Activation(StrEnum):
    """Fused into an operator: its result clamped."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"


@dataclass(frozen=True, kw_only=True)
class Attrs:
    """What all have in common: nothing."""


@dataclass(frozen=True, kw_only=True)
class NoAttrs(Attrs):
    """Of operators that their tensors describe completely."""


NO_ATTRS = NoAttrs()


@dataclass(frozen=True, kw_only=True)
class FusedAttrs(Attrs):
    """Of every kind that may clamp its own result."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, kw_only=True)
class WindowAttrs(FusedAttrs):
    """A window that slides over an image.

    Attributes:
        stride: pixels from one window to the next.
        pad: pixels around the image.
    """

    stride: Pair = (1, 1)
    pad: Pad = NO_PAD

    @property
    def dilation(self) -> Pair:
        """Pixels from one tap to the next."""
        return (1, 1)


@dataclass(frozen=True, kw_only=True)
class Conv2dAttrs(WindowAttrs):
    """CONV_2D and DEPTHWISE_CONV_2D."""

    dilation: Pair = (1, 1)


@dataclass(frozen=True, kw_only=True)
class PoolAttrs(WindowAttrs):
    """AVERAGE_POOL_2D and MAX_POOL_2D. filter: pixels of the window; what lies outside the image does not count."""

    filter: Pair


@dataclass(frozen=True, kw_only=True)
class TransposeConvAttrs(FusedAttrs):
    """TRANSPOSE_CONV.

    Attributes:
        stride: output pixels from one input pixel's window to the next.
        pad: pixels cut off the full result; at the bottom and on the right negative where it is extended.
    """

    stride: Pair = (1, 1)
    pad: Pad = NO_PAD


@dataclass(frozen=True, kw_only=True)
class FullyConnectedAttrs(FusedAttrs):
    """FULLY_CONNECTED."""


@dataclass(frozen=True, kw_only=True)
class ArithmeticAttrs(FusedAttrs):
    """ADD, SUB and MUL.

    Attributes:
        by_shifts: ADD and SUB of int16 whose scales are powers of two are computed by shifts.
    """

    by_shifts: bool = False


@dataclass(frozen=True, kw_only=True)
class DivAttrs(FusedAttrs):
    """DIV."""


@dataclass(frozen=True, kw_only=True)
class ReduceAttrs(Attrs):
    """MEAN, SUM, REDUCE_MAX and REDUCE_MIN.

    Attributes:
        axes: that are reduced, ascending.
        keep_dims: whether they stay with length 1.
    """

    axes: tuple[int, ...]
    keep_dims: bool


@dataclass(frozen=True, kw_only=True)
class SoftmaxAttrs(Attrs):
    """SOFTMAX over the last axis. beta: factor of the exponents."""

    beta: float = 1.0


@dataclass(frozen=True, kw_only=True)
class L2NormalizationAttrs(Attrs):
    """L2_NORMALIZATION. epsilon: added to the sum of squares, of a float graph; files and integers have none."""

    epsilon: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LeakyReluAttrs(Attrs):
    """LEAKY_RELU. alpha: slope below zero."""

    alpha: float


@dataclass(frozen=True, kw_only=True)
class GeluAttrs(Attrs):
    """GELU. approximate: by tanh, not by the error function."""

    approximate: bool


@dataclass(frozen=True, kw_only=True)
class PadAttrs(Attrs):
    """PAD and PADV2. padding: (before, after) of every axis."""

    padding: tuple[tuple[int, int], ...]


class MirrorMode(StrEnum):
    REFLECT = "reflect"  # the border element is not repeated
    SYMMETRIC = "symmetric"  # it is


@dataclass(frozen=True, kw_only=True)
class MirrorPadAttrs(PadAttrs):
    """MIRROR_PAD."""

    mode: MirrorMode


@dataclass(frozen=True, kw_only=True)
class TransposeAttrs(Attrs):
    """TRANSPOSE. permutation: axis i of the output is axis `permutation[i]` of the input."""

    permutation: tuple[int, ...]

    def moves_bytes(self, shape: Sequence[int]) -> bool:
        """Whether it makes more of an input of `shape` than a new shape: axes of length 1 move for free."""
        moved = [axis for axis in self.permutation if shape[axis] != 1]
        return moved != sorted(moved)


@dataclass(frozen=True, kw_only=True)
class AxisAttrs(Attrs):
    """SPLIT, SPLIT_V, PACK, UNPACK, ONE_HOT, ARG_MAX and ARG_MIN.

    Attributes:
        axis: not negative; of the input, but of the output for PACK and ONE_HOT.
    """

    axis: int


@dataclass(frozen=True, kw_only=True)
class GatherAttrs(AxisAttrs):
    """GATHER.

    Attributes:
        batch_dims: leading axes that the input and its indices share; at most `axis`.
    """

    batch_dims: int = 0


@dataclass(frozen=True, kw_only=True)
class CumsumAttrs(AxisAttrs):
    """CUMSUM.

    Attributes:
        exclusive: a sum is without the value at its own place.
        reverse: from the end.
    """

    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class DetectionAttrs(Attrs):
    """DETECTION_POSTPROCESS.

    Attributes:
        classes: without the background, which the scores may have in front of them.
        most_detections: that come out.
        most_classes: of one box, where boxes are suppressed by their best class (`each_class` false).
        most_of_a_class: boxes of one class, where each class suppresses its own (`each_class` true).
        least_score: of a box that is looked at.
        most_overlap: intersection over union beyond which the box of the lower score goes.
        scales: by which encoded y, x, height and width are divided.
    """

    classes: int
    most_detections: int
    most_classes: int
    most_of_a_class: int
    each_class: bool
    least_score: float
    most_overlap: float
    scales: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class ConcatenationAttrs(AxisAttrs, FusedAttrs):
    """CONCATENATION."""


@dataclass(frozen=True, kw_only=True)
class SliceAttrs(Attrs):
    """SLICE, per input axis: `size` elements from `begin` on."""

    begin: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def strides(self) -> tuple[int, ...]:
        return (1,) * len(self.begin)


@dataclass(frozen=True, kw_only=True)
class StridedSliceAttrs(Attrs):
    """STRIDED_SLICE, its masks applied, per input axis.

    Attributes:
        begin: first element.
        end: the first beyond the last; -1 when a negative stride runs through element 0.
        strides: from one element to the next.
        shrink_axes: input axes of one element each that are gone from the output.
    """

    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]
    shrink_axes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResizeAttrs(Attrs):
    """RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: how output pixels are placed on the input's.

    Attributes:
        align_corners: the corner pixels' centers coincide.
        half_pixel_centers: a pixel's place is its center, not its corner.
    """

    align_corners: bool
    half_pixel_centers: bool


@dataclass(frozen=True, kw_only=True)
class BlockAttrs(Attrs):
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE. block_size: pixels of a block's side."""

    block_size: int


@dataclass(frozen=True, kw_only=True)
class SpaceBatchAttrs(Attrs):
    """SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, per axis behind the batch.

    Attributes:
        block: every so many rows or columns go to images of their own.
        edges: (before, after) that are added before, or cut off after.
    """

    block: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class BatchMatmulAttrs(Attrs):
    """BATCH_MATMUL. adj_x, adj_y: whether the last two axes of input 0 and of input 1 are transposed first."""

    adj_x: bool
    adj_y: bool


@dataclass(frozen=True, kw_only=True)
class LstmAttrs(Attrs):
    """UNIDIRECTIONAL_SEQUENCE_LSTM.

    Attributes:
        cell_clip, projection_clip: bounds of the real values, 0 for none.
        time_major: input axes are (time, batch, features), else (batch, time, features).
        intermediates: indices of tensors that carry the gates' quantization and no values.
    """

    cell_clip: float
    projection_clip: float
    time_major: bool
    intermediates: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SvdfAttrs(FusedAttrs):
    """SVDF. rank: filters that are summed into one unit."""

    rank: int


@dataclass(frozen=True, kw_only=True)
class EarlyExitAttrs(Attrs):
    """EARLY_EXIT. margin: lead of the exit's best class, in steps of its int8 output, from which its output is used."""

    margin: int


@dataclass(frozen=True, kw_only=True)
class StageAttrs(Attrs):
    """STAGE. layer_count: operators it runs row by row."""

    layer_count: int


def fused_activation(attrs: Attrs) -> Activation:
    """NONE for kinds that have none."""
    return attrs.activation if isinstance(attrs, FusedAttrs) else Activation.NONE


def with_activation(attrs: Attrs, activation: Activation) -> Attrs:
    """The attributes of a kind that may clamp its result, clamping it so."""
    assert isinstance(attrs, FusedAttrs), f"{type(attrs).__name__} has no activation"
    return replace(attrs, activation=activation)
