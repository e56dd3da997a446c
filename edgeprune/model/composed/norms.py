"""Normalizations, variances and lengths of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from edgeprune.errors import UnsupportedOp
from edgeprune.model.composed.table import COMPOSED, composes


@composes("native_layer_norm")
def _layer_norm(args: Mapping[str, Any]) -> Any:
    """A row's sum of squares is a product with itself: int8 keeps it in 32 bits."""
    x, axes = args["input"], list(range(-len(args["normalized_shape"]), 0))
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    result = centered * _inverse_deviation(centered, axes, float(args["eps"]))
    return _affine(result, args["weight"], args["bias"]), mean, mean


@composes("_fused_rms_norm")
def _rms_norm(args: Mapping[str, Any]) -> Any:
    x, axes, eps = args["input"], list(range(-len(args["normalized_shape"]), 0)), args["eps"]
    eps = torch.finfo(torch.float32).eps if eps is None else float(eps)
    result = x * _inverse_deviation(x, axes, eps)
    return _affine(result, args["weight"], None), result


def _inverse_deviation(centered: Tensor, axes: Sequence[int], eps: float) -> Tensor:
    kept = [*centered.shape[: axes[0]], *[1] * len(axes)]
    count = prod(centered.shape[axes[0] :])
    rows = centered.reshape(-1, 1, count)
    squares = torch.bmm(rows, rows.transpose(1, 2)).reshape(kept)
    return (squares * (1 / count) + eps).rsqrt()


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


@composes("avg_pool3d")
def _mean_of_neighbours(args: Mapping[str, Any]) -> Any:
    """As local response norm calls it: over neighbouring channels alone."""
    x, (depth, *rest) = args["self"], args["kernel_size"]
    if rest != [1, 1] or list(args["padding"]) != [0, 0, 0] or list(args["stride"]) != [1, 1, 1]:
        raise UnsupportedOp("a pool over three dimensions", hint="pool over images or sequences")
    count = x.shape[-3] - depth + 1
    total = x.narrow(-3, 0, count)
    for k in range(1, depth):
        total = total + x.narrow(-3, k, count)
    return total * (1 / depth)


@composes("native_group_norm")
def _group_norm(args: Mapping[str, Any]) -> Any:
    x, groups, eps = args["input"], int(args["group"]), float(args["eps"])
    shape, channels = x.shape, x.shape[1]
    per_channel = (1, channels, *[1] * (x.dim() - 2))
    if groups == channels:
        normalized, axes = x, list(range(2, x.dim()))
    else:
        normalized = x.reshape(shape[0], groups, channels // groups, *shape[2:])
        axes = list(range(2, normalized.dim()))
    mean = normalized.mean(axes, keepdim=True)
    centered = normalized - mean
    variance = (centered * centered).mean(axes, keepdim=True)
    result = (centered * (variance + eps).rsqrt()).reshape(shape)
    weight, bias = (None if args[name] is None else args[name].view(per_channel) for name in ("weight", "bias"))
    return _affine(result, weight, bias), mean, mean


@composes("var", "std", "var_mean", "std_mean")
def _variance(args: Mapping[str, Any]) -> Any:
    x, keep = args["self"], bool(args.get("keepdim", False))
    axes = list(range(x.dim())) if args.get("dim") in (None, []) else list(args["dim"])
    count = prod(x.shape[axis] for axis in axes)
    correction = args.get("correction", 1)
    if "unbiased" in args:
        correction = int(args["unbiased"])
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    mean_square = (centered * centered).mean(axes, keepdim=keep)
    correction = 1.0 if correction is None else float(correction)
    variance = mean_square * (count / (count - correction)) if correction else mean_square
    return variance, mean if keep else mean.squeeze(axes)


def _deviation(args: Mapping[str, Any]) -> Any:
    variance, mean = _variance(args)
    return variance.sqrt(), mean


@composes("linalg_vector_norm", "norm")
def _vector_norm(args: Mapping[str, Any]) -> Any:
    x, order = args["self"], args.get("ord", args.get("p"))
    order = 2.0 if order is None else float(order)
    axes = list(range(x.dim())) if args.get("dim") in (None, []) else list(args["dim"])
    keep = bool(args.get("keepdim", False))
    if order == 2:
        return (x * x).sum(axes, keepdim=keep).sqrt()
    if order == 1:
        return x.abs().sum(axes, keepdim=keep)
    if order == float("inf"):
        return x.abs().amax(axes, keepdim=keep)
    return (x.abs() ** order).sum(axes, keepdim=keep) ** (1 / order)


COMPOSED["aten.var"] = lambda args: _variance(args)[0]
COMPOSED["aten.std"] = lambda args: _deviation(args)[0]
COMPOSED["aten.std_mean"] = _deviation
