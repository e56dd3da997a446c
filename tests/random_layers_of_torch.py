"""Random PyTorch layers: every kind that is traced, with random settings, over an input that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Step = Callable[["Builder", Tensor], nn.Module]


class Do(nn.Module):
    """A function of the input and of modules it owns."""

    def __init__(self, function: Callable[..., Tensor], *modules: nn.Module):
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)


@dataclass
class Builder:
    """Draws the settings of layers for an input that is known."""

    rng: np.random.Generator

    def pick(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def one_of(self, given: Sequence[object]) -> object:
        return given[int(self.rng.integers(len(given)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def divisor(self, count: int) -> int:
        return int(self.rng.choice([n for n in range(1, count + 1) if count % n == 0]))


# Layers over images (N, C, H, W) and sequences (N, C, L)


def _spatial(x: Tensor) -> int:
    return x.dim() - 2


def conv(b: Builder, x: Tensor) -> nn.Module:
    rank, channels = _spatial(x), x.shape[1]
    groups = b.divisor(channels) if b.chance(0.3) else 1
    outputs = groups * b.pick(1, max(1, 12 // groups))
    return _window(b, x, outputs, groups, rank)


def depthwise(b: Builder, x: Tensor) -> nn.Module:
    return _window(b, x, x.shape[1] * b.pick(1, 2), x.shape[1], _spatial(x))


def _window(b: Builder, x: Tensor, outputs: int, groups: int, rank: int) -> nn.Module:
    make = nn.Conv2d if rank == 2 else nn.Conv1d
    kernel = tuple(b.pick(1, min(5, size)) for size in x.shape[2:])
    bias = b.chance(0.6)
    if b.chance(0.25):
        dilation = tuple(b.pick(1, 2) for _ in kernel)
        layer = make(x.shape[1], outputs, kernel, padding="same", dilation=dilation, groups=groups, bias=bias)
    else:
        padding = tuple(b.pick(0, k // 2 + 1) for k in kernel)
        reach = [(size + 2 * p - 1) // max(k - 1, 1) for size, p, k in zip(x.shape[2:], padding, kernel, strict=True)]
        dilation = tuple(b.pick(1, max(1, min(3, r))) if b.chance(0.3) else 1 for r in reach)
        stride = tuple(b.pick(1, 3) if b.chance(0.4) else 1 for _ in kernel)
        mode = "zeros"
        if b.chance(0.15) and all(p < size for p, size in zip(padding, x.shape[2:], strict=True)):
            mode = str(b.one_of(["reflect", "replicate", "circular"]))
        layer = make(x.shape[1], outputs, kernel, stride, padding, dilation, groups, bias, mode)
    return _finished(b, layer, outputs, rank)


def transposed(b: Builder, x: Tensor) -> nn.Module:
    rank, outputs = _spatial(x), b.pick(1, 10)
    make = nn.ConvTranspose2d if rank == 2 else nn.ConvTranspose1d
    kernel, stride = tuple(b.pick(1, 4) for _ in range(rank)), tuple(b.pick(1, 3) for _ in range(rank))
    padding = tuple(
        min(b.pick(0, k - 1 + b.chance(0.1)), max(0, ((size - 1) * s + k - 1) // 2))
        for k, s, size in zip(kernel, stride, x.shape[2:], strict=True)
    )
    extra = tuple(b.pick(0, s - 1) for s in stride)
    layer = make(x.shape[1], outputs, kernel, stride, padding, extra, bias=b.chance(0.6))
    return _finished(b, layer, outputs, rank)


def _finished(b: Builder, layer: nn.Module, channels: int, rank: int) -> nn.Module:
    layers = [layer]
    if b.chance(0.5):
        layers.append(norm_of(b, channels, rank))
    if b.chance(0.7):
        layers.append(activation(b, channels))
    return nn.Sequential(*layers)


def norm_of(b: Builder, channels: int, rank: int) -> nn.Module:
    norm = {2: nn.BatchNorm2d, 1: nn.BatchNorm1d, 0: nn.BatchNorm1d}[rank](channels, affine=b.chance(0.9))
    with torch.no_grad():
        assert norm.running_mean is not None and norm.running_var is not None
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.3, 2)
        if norm.affine:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
    return norm


def norm(b: Builder, x: Tensor) -> nn.Module:
    return norm_of(b, x.shape[1], _spatial(x))


def activation(b: Builder, channels: int) -> nn.Module:
    makers: list[Callable[[], nn.Module]] = [
        nn.ReLU, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.GELU, nn.Hardtanh,
        lambda: nn.GELU(approximate="tanh"), lambda: nn.LeakyReLU(b.pick(1, 30) / 100), nn.ELU, nn.SELU,
        lambda: nn.ELU(b.pick(1, 20) / 10), lambda: nn.CELU(b.pick(5, 20) / 10),
        lambda: _slopes(nn.PReLU(channels if b.chance(0.6) else 1)),
        lambda: nn.Hardtanh(-b.pick(1, 20) / 10, b.pick(1, 20) / 10), lambda: nn.ReLU(inplace=True),
    ]  # fmt: skip
    return makers[int(b.rng.integers(len(makers)))]()


def _slopes(layer: nn.PReLU) -> nn.Module:
    nn.init.uniform_(layer.weight, -0.2, 0.8)
    return layer


def function(b: Builder, x: Tensor) -> nn.Module:
    if b.chance(0.6):
        return activation(b, x.shape[1])
    value = b.pick(-20, 20) / 10
    functions: list[Callable[[Tensor], Tensor]] = [
        torch.abs, torch.neg, lambda x: value - x, lambda x: x + value, lambda x: x * (value or 1.0),
        lambda x: x / 3, lambda x: (x - value).relu(), lambda x: x.clamp(min=value), lambda x: x.clamp(max=value),
        lambda x: torch.softmax(x, 1), lambda x: torch.maximum(x, x * 0.3), lambda x: torch.minimum(x, -x),
    ]  # fmt: skip
    return Do(functions[int(b.rng.integers(len(functions)))])


def pool(b: Builder, x: Tensor) -> nn.Module:
    rank = _spatial(x)
    kernel = tuple(b.pick(1, min(3, size)) for size in x.shape[2:])
    stride = tuple(b.pick(1, 2) for _ in kernel)
    padding = tuple(b.pick(0, k // 2) for k in kernel)
    if b.chance(0.5):
        make_max = nn.MaxPool2d if rank == 2 else nn.MaxPool1d
        return make_max(kernel, stride, padding, ceil_mode=b.chance(0.3))
    if rank == 1:
        return nn.AvgPool1d(kernel[0], stride[0], padding[0])
    return nn.AvgPool2d(kernel, stride, padding)


def adaptive(b: Builder, x: Tensor) -> nn.Module:
    target = tuple(b.divisor(size) for size in x.shape[2:])
    makers = {2: (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), 1: (nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d)}
    return makers[_spatial(x)][b.chance(0.3)](target if len(target) > 1 else target[0])


def upsample(b: Builder, x: Tensor) -> nn.Module:
    if max(x.shape[2:]) > 16:
        return pool(b, x)
    linear = "bilinear" if _spatial(x) == 2 else "linear"
    if b.chance(0.3):
        return nn.Upsample(scale_factor=b.pick(2, 3))
    size = tuple(b.pick(1, 2 * n + 3) for n in x.shape[2:])
    if b.chance(0.5):
        mode = str(b.one_of(["nearest", "nearest-exact"]))
        return Do(lambda x: functional.interpolate(x, size=size, mode=mode))
    if b.chance(0.3):
        factor = b.pick(5, 29) / 10
        if min(x.shape[2:]) * factor >= 1:
            return Do(lambda x: functional.interpolate(x, scale_factor=factor))
    corners = b.chance(0.5)
    return Do(lambda x: functional.interpolate(x, size=size, mode=linear, align_corners=corners))


def pad(b: Builder, x: Tensor) -> nn.Module:
    pad = tuple(b.pick(0, 2) for _ in range(2 * _spatial(x)))
    mode = str(b.one_of(["constant", "constant", "reflect", "replicate", "circular"]))
    if mode != "constant" and min(x.shape[2:]) <= max(pad):
        mode = "constant"
    if mode == "constant" and b.chance(0.4):
        value = b.pick(-10, 10) / 10
        return Do(lambda x: functional.pad(x, pad, value=value))
    return Do(lambda x: functional.pad(x, pad, mode=mode))


def crop(b: Builder, x: Tensor) -> nn.Module:
    axis = b.pick(1, x.dim() - 1)
    size = x.shape[axis]
    start = b.pick(0, size - 1)
    length, step = b.pick(1, size - start), b.pick(1, 2)
    if b.chance(0.2):
        return Do(lambda x: x.narrow(axis, start, length) + x.select(axis, start).unsqueeze(axis))
    index = [slice(None)] * x.dim()
    index[axis] = slice(start, start + length, step)
    return Do(lambda x: x[tuple(index)])


# Several layers


def _kept(b: Builder, x: Tensor) -> nn.Module:
    """Layers that keep the shape."""
    rank, channels = _spatial(x), x.shape[1]
    make = nn.Conv2d if rank == 2 else nn.Conv1d
    hidden = b.pick(1, 8)
    return nn.Sequential(
        make(channels, hidden, 1), activation(b, hidden), make(hidden, channels, 3, padding=1),
        *([norm_of(b, channels, rank)] if b.chance(0.5) else []),
    )  # fmt: skip


def residual(b: Builder, x: Tensor) -> nn.Module:
    combine = b.one_of([lambda x, f: x + f(x), lambda x, f: torch.relu(f(x) + x), lambda x, f: x - f(x)])
    return Do(combine, _kept(b, x))  # type: ignore[arg-type]


def gate(b: Builder, x: Tensor) -> nn.Module:
    channels, rank = x.shape[1], _spatial(x)
    axes = tuple(range(2, x.dim()))
    make = nn.Conv2d if rank == 2 else nn.Conv1d
    squeeze = nn.Sequential(make(channels, 3, 1), nn.ReLU(), make(3, channels, 1), nn.Sigmoid())
    if b.chance(0.5):
        return Do(lambda x, f: x * f(x.mean(axes, keepdim=True)), squeeze)
    dense = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels), nn.Hardsigmoid())
    return Do(lambda x, f: x * f(x.mean(axes)).reshape(*x.shape[:2], *[1] * len(axes)), dense)


def branches(b: Builder, x: Tensor) -> nn.Module:
    parts = [_kept(b, x) for _ in range(b.pick(1, 3))]
    own = b.chance(0.5)
    return Do(lambda x, *parts: torch.cat([*([x] if own else []), *(part(x) for part in parts)], 1), *parts)


def parts(b: Builder, x: Tensor) -> nn.Module:
    if x.shape[1] % 2 or x.shape[1] == 2:
        return branches(b, x)
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1],
        lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
        lambda x: torch.cat([torch.relu(x.split(1, 1)[0]), x[:, 1:]], 1),
        lambda x: torch.stack(x.chunk(2, 1), 2).flatten(1, 2),
    ]
    return Do(functions[int(b.rng.integers(len(functions)))])


def rearranged(b: Builder, x: Tensor) -> nn.Module:
    c = x.shape[1]
    groups = b.divisor(c)
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda x: x.reshape(x.shape[0], groups, c // groups, *x.shape[2:]).transpose(1, 2).reshape(x.shape),
        lambda x: x.transpose(1, -1).contiguous().transpose(1, -1),
        lambda x: torch.relu(x.transpose(1, 2)).transpose(1, 2) + x,
        lambda x: x.flatten(1).reshape(x.shape),
        lambda x: x.unsqueeze(1).sigmoid().squeeze(1),
    ]
    if x.dim() == 4:
        functions += [
            lambda x: x.permute(0, 2, 3, 1).relu().permute(0, 3, 1, 2),
            lambda x: functional.channel_shuffle(x, groups),
            lambda x: x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, c).transpose(1, 2).reshape(x.shape),
        ]
        if c % 4 == 0 and max(x.shape[2:]) <= 12:
            functions.append(lambda x: functional.pixel_shuffle(x, 2))
        if x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0 and c <= 6:
            functions.append(lambda x: functional.pixel_unshuffle(x, 2))
    return Do(functions[int(b.rng.integers(len(functions)))])
