"""SAME and VALID as explicit pads (top, bottom, left, right).

Method: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.errors import ModelError
from edgeprune.ir import Pad, Tensor

_SAME, _VALID = 0, 1


def same_or_valid(
    where: str, mode: int, image: Tensor, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Pad:
    """Pads of a convolution or pool reading `image` (N, H, W, C) with `window` (height, width)."""
    _check(where, mode, image, window, stride, dilation)
    if mode == _VALID:
        return (0, 0, 0, 0)
    pads: list[int] = []
    for size, taps, step, spread in zip(image.shape[1:3], window, stride, dilation, strict=True):
        count = -(-size // step)
        total = max((count - 1) * step + (taps - 1) * spread + 1 - size, 0)
        pads += [total // 2, total - total // 2]
    return (pads[0], pads[1], pads[2], pads[3])


def transposed_pad(where: str, mode: int, image: Tensor, weight: Tensor, output: Tensor, stride: Sequence[int]) -> Pad:
    """Rows and columns cut off a transposed convolution's full result; the bottom and right cuts may be negative."""
    window = weight.shape[1:3]
    _check(where, mode, image, window, stride, (1, 1))
    if len(output.shape) != 4:
        raise ModelError(f"{where}: output shape {output.shape} has not 4 axes")
    cuts: list[int] = []
    for size, taps, step, out in zip(image.shape[1:3], window, stride, output.shape[1:3], strict=True):
        count = transposed_count(mode, taps, step, out)
        before = max((count - 1) * step + taps - out, 0) // 2 if mode == _SAME else 0
        cuts += [before, (size - 1) * step + taps - out - before]
    return (cuts[0], cuts[1], cuts[2], cuts[3])


def transposed_count(mode: int, taps: int, step: int, out: int) -> int:
    """Input rows of a transposed convolution with `out` output rows; LiteRT takes no other number."""
    return -(-out // step) if mode == _SAME else -(-(out - taps + 1) // step)


def _check(
    where: str, mode: int, image: Tensor, window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> None:
    if mode not in (_SAME, _VALID):
        raise ModelError(f"{where}: padding mode {mode} is neither SAME nor VALID")
    if len(image.shape) != 4 or len(window) != 2:
        raise ModelError(f"{where}: shape {image.shape} and window {tuple(window)} are no image and window")
    if min(*window, *stride, *dilation) < 1:
        raise ModelError(f"{where}: window {tuple(window)}, stride {tuple(stride)}, dilation {tuple(dilation)}")
