"""Tensors made like others: only the shape is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from edgeprune.model.composed.table import composes


def _made(args: Mapping[str, Any], value: float) -> Any:
    x, dtype = args["self"], args["dtype"]
    shape = args.get("size", x.shape)
    return torch.full(tuple(shape), value, dtype=x.dtype if dtype is None else dtype)


@composes("zeros_like", "new_zeros")
def _zeros(args: Mapping[str, Any]) -> Any:
    return _made(args, 0)


@composes("ones_like", "new_ones")
def _ones(args: Mapping[str, Any]) -> Any:
    return _made(args, 1)


@composes("full_like", "new_full")
def _full(args: Mapping[str, Any]) -> Any:
    return _made(args, args["fill_value"])
