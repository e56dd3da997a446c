"""The device that trains, and its floating-point precision."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from edgeprune.errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def training_device(name: str) -> torch.device:
    """`auto`: a GPU where torch can use one, else the CPU.

    Raises:
        UsageError: a GPU was requested and there is none, or no such device.
    """
    if name not in DEVICES:
        raise UsageError(f"no device is called '{name}'", hint=f"one of {', '.join(DEVICES)}")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError("a GPU was requested, and torch finds none", hint="--device auto, or torch built for CUDA")
    return torch.device("cuda")


def device_of(module: nn.Module) -> torch.device:
    """Where its parameters lie; the CPU where it has none."""
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def reduced_precision(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 autocast where the device multiplies it; elsewhere it is emulated, and float32 is taken."""
    if device.type == "cuda":
        has_bfloat16 = torch.cuda.is_bf16_supported()
    else:
        has_bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=bool(has_bfloat16))


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """float32 inside `reduced_precision`."""
    return torch.autocast(device.type, enabled=False)
