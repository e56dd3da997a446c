"""Elements moved: repeated, rolled, turned round, cut into windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.model.composed.resampling import with_zeros_between
from edgeprune.model.composed.table import composes

_SUM, _LARGEST = 0, 2  # modes of an EmbeddingBag


@composes("repeat")
def _repeat(args: Mapping[str, Any]) -> Any:
    x, counts = args["self"], list(args["repeats"])
    x = x.reshape([1] * (len(counts) - x.dim()) + list(x.shape))
    for dim, count in enumerate(counts):
        x = torch.cat([x] * count, dim) if count > 1 else x
    return x


@composes("roll")
def _roll(args: Mapping[str, Any]) -> Any:
    x, dims = args["self"], list(args["dims"])
    shape = x.shape
    if not dims:
        x, dims = x.flatten(), [0]
    for dim, shift in zip(dims, args["shifts"], strict=True):
        size = x.shape[dim]
        if shift % size:
            x = torch.cat(
                [x.narrow(dim, size - shift % size, shift % size), x.narrow(dim, 0, size - shift % size)], dim
            )
    return x.reshape(shape)


@composes("as_strided")
def _same_strides(args: Mapping[str, Any]) -> Any:
    """Torch's own pools restate the strides of what they return."""
    x, size, strides = args["self"], tuple(args["size"]), args["stride"]
    same = all(n == 1 or own == new for n, own, new in zip(size, x.stride(), strides, strict=False))
    is_same = size == tuple(x.shape) and same and args["storage_offset"] in (None, x.storage_offset())
    return x if is_same else NotImplemented


@composes("rot90")
def _rotated(args: Mapping[str, Any]) -> Any:
    """A quarter turn from the first axis towards the second, k times."""
    x, (first, second) = args["self"], args["dims"]
    turns = int(args["k"]) % 4
    if turns == 2:
        return x.flip([first, second])
    return x.flip([second if turns == 1 else first]).transpose(first, second) if turns else x


@composes("flip")
def _flip(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    for dim in args["dims"]:
        x = x.index_select(dim, torch.arange(x.shape[dim] - 1, -1, -1))
    return x


def with_places(x: Tensor, dim: int, places: Sequence[int], values: Tensor, accumulate: bool) -> Tensor:
    """x[:, places] = values along one axis, or += where they accumulate: then each place once."""
    size = x.shape[dim]
    if accumulate:
        values = x.index_select(dim, torch.tensor([place % size for place in places])) + values
    values = values.to(x.dtype).expand(*x.shape[:dim], len(places), *x.shape[dim + 1 :])
    order = list(range(size))
    for number, place in enumerate(places):
        order[place] = size + number
    return torch.cat([x, values], dim).index_select(dim, torch.tensor(order))


@composes("unfold")
def _windows(args: Mapping[str, Any]) -> Any:
    """Tensor.unfold: windows along one axis as a new last axis."""
    x, dim, size, step = args["self"], int(args["dimension"]), int(args["size"]), int(args["step"])
    dim %= x.dim()
    count = (x.shape[dim] - size) // step + 1
    taps = [x[(*[slice(None)] * dim, slice(k, k + (count - 1) * step + 1, step))] for k in range(size)]
    return torch.stack(taps, -1)


@composes("_embedding_bag", "_embedding_bag_forward_only")
def _bags(args: Mapping[str, Any]) -> Any:
    """Rows of a table for each bag of indices, all bags of one length, summed, averaged or the largest taken; those of
    `padding_idx` are left out."""
    indices, count, mode = args["indices"], args["offsets"].shape[0], int(args["mode"])
    padding, is_padded = int(args["padding_idx"]), int(args["padding_idx"]) >= 0
    rows = functional.embedding(indices, args["weight"]).reshape(count, indices.shape[0] // count, -1)
    if args["per_sample_weights"] is not None:
        rows = rows * args["per_sample_weights"].reshape(count, -1, 1)
    if not is_padded:
        return (rows.sum(1), rows.mean(1), rows.amax(1))[mode], indices, indices, indices
    if mode == _LARGEST:
        return NotImplemented
    counted = (indices != padding).to(rows.dtype).reshape(count, -1, 1)
    total = (rows * counted).sum(1)
    return total if mode == _SUM else total / counted.sum(1).clamp(min=1.0), indices, indices, indices


@composes("im2col")
def _patches(args: Mapping[str, Any]) -> Any:
    """F.unfold: the patches of an image as columns."""
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (args[n] for n in ("kernel_size", "dilation", "padding", "stride"))
    x = functional.pad(args["self"], (pw, pw, ph, ph)) if ph or pw else args["self"]
    n, c, height, width = x.shape
    rows, columns = (height - dh * (kh - 1) - 1) // sh + 1, (width - dw * (kw - 1) - 1) // sw + 1
    taps = [
        x[:, :, i * dh : i * dh + (rows - 1) * sh + 1 : sh, j * dw : j * dw + (columns - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return torch.stack(taps, 2).reshape(n, c * kh * kw, rows * columns)


@composes("col2im")
def _from_patches(args: Mapping[str, Any]) -> Any:
    """F.fold: patches laid back into an image, summed where they overlap."""
    (height, width), (kh, kw) = args["output_size"], args["kernel_size"]
    (dh, dw), (ph, pw), (sh, sw) = (args[n] for n in ("dilation", "padding", "stride"))
    rows, columns = (height + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    patches = args["self"].reshape(args["self"].shape[0], -1, kh, kw, rows, columns)
    channels = patches.shape[1]
    is_apart = (kh, kw) == (sh, sw) and (dh, dw, ph, pw) == (1, 1, 0, 0)
    if is_apart and (rows * kh, columns * kw) == (height, width):
        return patches.permute(0, 1, 4, 2, 5, 3).reshape(-1, channels, height, width)
    total = None
    for i in range(kh):
        for j in range(kw):
            tap = with_zeros_between(with_zeros_between(patches[:, :, i, j], 2, sh), 3, sw)
            below, right = height + ph - i * dh - rows * sh, width + pw - j * dw - columns * sw
            tap = functional.pad(tap, (j * dw - pw, right, i * dh - ph, below))  # cuts off where it is negative
            total = tap if total is None else total + tap
    return total
