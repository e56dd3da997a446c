"""Which order of a picture's numbers in memory a network takes: channels last is two to three times faster on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeprune.train.machine import device_of
from edgeprune.train.splits import Split


@contextmanager
def fastest_order(split: Split, *modules: nn.Module) -> Iterator[torch.memory_format]:
    """The order to hand this split's samples over in; inside the block the modules' kernels lie in that order too.

    channels_last where all these networks can take it (one with `x.view(n, -1)` in its forward() cannot), found out by
    running one sample in evaluation mode. Modes are put back, and kernels end in the plain order.
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
    """The same numbers in that order; a copy only where it is needed."""
    return samples.contiguous(memory_format=order)


def _reorder(modules: tuple[nn.Module, ...], order: torch.memory_format) -> None:
    for module in modules:
        module.to(memory_format=order)  # type: ignore[call-overload]


def _takes_channels_last(module: nn.Module, split: Split) -> bool:
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            module(arranged(split.take(1).tensor(), torch.channels_last).to(device_of(module)))
    except RuntimeError:  # another fault shows again, and is told, in the plain order
        return False
    finally:
        module.train(was_training)
    return True
