"""Pools whose windows TFLite has no form for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.errors import UnsupportedOp
from edgeprune.model.composed.table import composes

Pool = Callable[..., Tensor]


@composes("_adaptive_avg_pool2d")
def _adaptive_average(args: Mapping[str, Any]) -> Any:
    return _adaptive(args["self"], args["output_size"], functional.avg_pool2d)


@composes("adaptive_max_pool2d")
def _adaptive_maximum(args: Mapping[str, Any]) -> Any:
    result = _adaptive(args["self"], args["output_size"], functional.max_pool2d)
    return result if result is NotImplemented else (result, result)


def _adaptive(image: Tensor, target: Sequence[int], pool: Pool) -> Any:
    """Along each axis a pool for every size of window, of which the wanted places are taken."""
    if all(_is_even(size, count) for size, count in zip(image.shape[-2:], target, strict=True)):
        return NotImplemented
    for axis, count in zip((-2, -1), target, strict=True):
        size = image.shape[axis]
        begins = [k * size // count for k in range(count)]
        lengths = [-(-(k + 1) * size // count) - begin for k, begin in enumerate(begins)]
        parts, places, start = [], [0] * count, 0
        for length in sorted(set(lengths)):
            window = (length, 1) if axis == -2 else (1, length)
            parts.append(pool(image, window, 1))
            for k in range(count):
                if lengths[k] == length:
                    places[k] = start + begins[k]
            start += size - length + 1
        image = torch.cat(parts, axis) if len(parts) > 1 else parts[0]
        image = image.index_select(axis, _literal(places, torch.long))
    return image


def _literal(values: Sequence[Any], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype)


def _is_even(size: int, count: int) -> bool:
    """Whether all windows have one size."""
    begins = [k * size // count for k in range(count)]
    return len({-(-(k + 1) * size // count) - begin for k, begin in enumerate(begins)}) == 1


@composes("max_pool2d_with_indices")
def _dilated_maximum(args: Mapping[str, Any]) -> Any:
    """The largest of shifted images."""
    dilation = _pair(args["dilation"])
    if dilation == (1, 1):
        return NotImplemented
    image, taps, padding = args["self"], _pair(args["kernel_size"]), _pair(args["padding"])
    stride = _pair(args["stride"]) if args["stride"] else taps
    if padding != (0, 0) or args["ceil_mode"]:
        raise UnsupportedOp("a maximum pool with dilation and padding", hint="pad the image in front of it")
    sizes = [(image.shape[2 + k] - dilation[k] * (taps[k] - 1) - 1) // stride[k] + 1 for k in (0, 1)]
    result: Tensor | None = None
    for i in range(taps[0]):
        for j in range(taps[1]):
            rows, columns = (
                slice(at * dilation[k], at * dilation[k] + (sizes[k] - 1) * stride[k] + 1, stride[k])
                for k, at in ((0, i), (1, j))
            )
            part = image[:, :, rows, columns]
            result = part if result is None else torch.maximum(result, part)
    return result, result


@composes("avg_pool2d")
def _average(args: Mapping[str, Any]) -> Any:
    """With zeros all around and one divisor, then each place by what its own divisor makes of that."""
    image, taps, padding = args["self"], _pair(args["kernel_size"]), _pair(args["padding"])
    stride, divisor = _pair(args["stride"]) if args["stride"] else taps, args["divisor_override"]
    axes = [_places(image.shape[-2 + k], taps[k], stride[k], padding[k], bool(args["ceil_mode"])) for k in (0, 1)]
    beyond = [max((len(places) - 1) * stride[k] + taps[k] - image.shape[-2 + k] - 2 * padding[k], 0)
              for k, places in enumerate(axes)]  # fmt: skip
    counts = bool(args["count_include_pad"]) or padding == (0, 0)
    if not any(beyond) and counts and divisor is None:
        return NotImplemented
    padded = functional.pad(image, (padding[1], padding[1] + beyond[1], padding[0], padding[0] + beyond[0]))
    mean = functional.avg_pool2d(padded, taps, stride)
    if divisor is not None:
        return mean * (taps[0] * taps[1] / divisor)
    inside = [
        [_counted(at, image.shape[-2 + k], taps[k], padding[k] if args["count_include_pad"] else 0) for at in places]
        for k, places in enumerate(axes)
    ]
    factors = [[taps[0] * taps[1] / (row * column) for column in inside[1]] for row in inside[0]]
    return mean * _literal(factors)


def _places(size: int, taps: int, stride: int, padding: int, ceil: bool) -> list[int]:
    """Where the windows begin, as torch has them: one that would begin behind the padding is left out."""
    room = size + 2 * padding - taps
    count = (-(-room // stride) if ceil else room // stride) + 1
    return [k * stride - padding for k in range(count) if not (ceil and k * stride >= size + padding)]


def _counted(begin: int, size: int, taps: int, padding: int) -> int:
    return min(begin + taps, size + padding) - max(begin, -padding)


def _pair(given: Sequence[int]) -> tuple[int, int]:
    return int(given[0]), int(given[-1])
