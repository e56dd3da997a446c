"""Memory format of images a network can take: channels last is two to three times faster on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeprune.train.machine import device_of
from edgeprune.train.splits import Split

_VECTOR = 8  # float32 in a register of AVX2


@contextmanager
def fastest_order(split: Split, *modules: nn.Module) -> Iterator[torch.memory_format]:
    """The memory format for this split's samples; inside the block the modules' kernels have it too.

    channels_last where all these networks can take it (one with `x.view(n, -1)` in its forward() cannot), tested by
    running one sample in evaluation mode. Modes are restored, and kernels end in the contiguous format.
    """
    order = torch.contiguous_format
    if split.inputs.ndim == 4:
        _reorder(modules, torch.channels_last)
        if all(_takes_channels_last(module, split) for module in modules):
            order = torch.channels_last
        else:
            _reorder(modules, torch.contiguous_format)
    try:
        yield order
    finally:
        _reorder(modules, torch.contiguous_format)


def arranged(samples: Tensor, order: torch.memory_format) -> Tensor:
    """The same values in that format; a copy only where it is needed."""
    return samples.contiguous(memory_format=order)


def _reorder(modules: tuple[nn.Module, ...], order: torch.memory_format) -> None:
    for module in modules:
        module.to(memory_format=order)  # type: ignore[call-overload]


def _takes_channels_last(module: nn.Module, split: Split) -> bool:
    if any(isinstance(layer, nn.Conv2d) and _writes_beyond_its_memory(layer) for layer in module.modules()):
        return False
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            module(arranged(split.take(1).tensor(), torch.channels_last).to(device_of(module)))
    except RuntimeError:  # any other fault occurs again, and is reported, in the contiguous format
        return False
    finally:
        module.train(was_training)
    return True


def _writes_beyond_its_memory(layer: nn.Conv2d) -> bool:
    """Whether the gradient of PyTorch 2.13's kernel does, in channels_last on cores with AVX2 and no AVX-512: one pixel
    of fewer than eight channels, with a stride. It ends the process, or another one's values, at some later moment."""
    return layer.kernel_size == (1, 1) and max(layer.stride) > 1 and layer.in_channels < _VECTOR
