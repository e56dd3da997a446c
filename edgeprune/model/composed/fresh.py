"""Tensors made like others: only the shape is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from edgeprune.model.composed.table import composes


def _made(args: Mapping[str, Any], value: float) -> Any:
    x, dtype = args["self"], args["dtype"]
    shape = args.get("size", x.shape)
    return torch.full(tuple(shape), value, dtype=x.dtype if dtype is None else dtype, device=x.device)


@composes("zeros_like", "new_zeros", "new_empty")
def _zeros(args: Mapping[str, Any]) -> Any:
    return _made(args, 0)


@composes("ones_like", "new_ones")
def _ones(args: Mapping[str, Any]) -> Any:
    return _made(args, 1)


@composes("full_like", "new_full")
def _full(args: Mapping[str, Any]) -> Any:
    return _made(args, args["fill_value"])


@composes("copy")
def _copy(args: Mapping[str, Any]) -> Any:
    x, source = args["self"], args["src"]
    source = source if source.dtype is x.dtype else source.to(x.dtype)
    return source if source.shape == x.shape else source.expand(x.shape)


@composes("fill.Scalar", "zero")
def _fill(args: Mapping[str, Any]) -> Any:
    x = args["self"]
    return torch.full(tuple(x.shape), args.get("value", 0), dtype=x.dtype, device=x.device)


@composes("fill.Tensor")
def _fill_from(args: Mapping[str, Any]) -> Any:
    x, value = args["self"], args["value"]
    return value.to(x.dtype).expand(x.shape)
