"""Transposed convolutions and interpolations that TFLite has no operator for."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.model.composed.table import composes

_LEAST_DIFFERENCE = 1e-6  # of two scales, that float32 keeps apart
_SHARPNESS = -0.75  # of the cubic, as torch has it


@composes("convolution")
def _transposed(args: Mapping[str, Any]) -> Any:
    """In groups or with dilation: zeros between the elements, then an ordinary convolution with the kernel turned."""
    groups, dilation = int(args["groups"]), list(args["dilation"])
    if not args["transposed"] or (groups == 1 and set(dilation) == {1}):
        return NotImplemented
    x, weight = args["input"], args["weight"]
    stride, padding, extra = list(args["stride"]), list(args["padding"]), list(args["output_padding"])
    inputs, per_group, *taps = weight.shape
    turned = weight.reshape(groups, inputs // groups, per_group, *taps).transpose(1, 2)
    turned = turned.reshape(groups * per_group, inputs // groups, *taps).flip(list(range(2, weight.dim())))
    around: list[int] = []
    for k in reversed(range(len(taps))):
        x = with_zeros_between(x, 2 + k, stride[k])
        reach = dilation[k] * (taps[k] - 1) - padding[k]
        around += [reach, reach + extra[k] - (stride[k] - 1)]
    return torch.convolution(
        functional.pad(x, around), turned, args["bias"], [1] * len(taps), [0] * len(taps), dilation, False,
        [0] * len(taps), groups,
    )  # fmt: skip


def with_zeros_between(x: Tensor, axis: int, stride: int) -> Tensor:
    """stride - 1 zeros behind each element along an axis."""
    if stride == 1:
        return x
    shape = x.shape
    lone = x.reshape(*shape[: axis + 1], 1, *shape[axis + 1 :])
    behind = [0, 0] * (lone.dim() - axis - 2) + [0, stride - 1]
    return functional.pad(lone, behind).reshape(*shape[:axis], shape[axis] * stride, *shape[axis + 1 :])


@composes("upsample_bicubic2d")
def _cubic(args: Mapping[str, Any]) -> Any:
    return _resampled(args, ("scales_h", "scales_w"), _cubic_weights)


@composes("upsample_bilinear2d")
def _bilinear(args: Mapping[str, Any]) -> Any:
    """Where the scale given is not that of the sizes."""
    if bool(args["align_corners"]) or not _is_off(args, ("scales_h", "scales_w")):
        return NotImplemented
    return _resampled(args, ("scales_h", "scales_w"), _linear_weights)


@composes("upsample_linear1d")
def _linear(args: Mapping[str, Any]) -> Any:
    if bool(args["align_corners"]) or not _is_off(args, ("scales",)):
        return NotImplemented
    return _resampled(args, ("scales",), _linear_weights)


def _is_off(args: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    sizes = args["self"].shape[2:]
    return any(
        args[name] and abs(1 / args[name] - size / target) > _LEAST_DIFFERENCE
        for name, size, target in zip(names, sizes, args["output_size"], strict=True)
    )


def _resampled(args: Mapping[str, Any], names: tuple[str, ...], weights: Any) -> Tensor:
    """Each axis times a matrix of weights."""
    x: Tensor = args["self"]
    for k, name in enumerate(names):
        size, target, scale = x.shape[2 + k], int(args["output_size"][k]), args[name]
        step = 1 / scale if scale else size / target
        if args["align_corners"]:
            step = (size - 1) / (target - 1) if target > 1 else 0.0
        matrix = np.zeros((target, size), np.float32)
        for place in range(target):
            at = place * step if args["align_corners"] else (place + 0.5) * step - 0.5
            for tap, weight in weights(at):
                matrix[place, min(max(tap, 0), size - 1)] += weight
        x = functional.linear(x.movedim(2 + k, -1), torch.tensor(matrix.tolist())).movedim(-1, 2 + k)
    return x


def _linear_weights(at: float) -> list[tuple[int, float]]:
    at = max(at, 0.0)
    first = floor(at)
    return [(first, 1 - (at - first)), (first + 1, at - first)]


def _cubic_weights(at: float) -> list[tuple[int, float]]:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981."""
    first, a = floor(at), _SHARPNESS

    def weight(distance: float) -> float:
        if distance <= 1:
            return ((a + 2) * distance - (a + 3)) * distance**2 + 1
        return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a

    return [(first + k, weight(abs(at - first - k))) for k in (-1, 0, 1, 2)]
