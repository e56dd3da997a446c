"""PyTorch's datasets and loaders, and what looks like them, read once into arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from edgeprune.errors import DataError
from edgeprune.train.native import native

_TARGETS = ("label", "labels", "target", "targets", "y")
"""Columns that are no inputs."""


def is_dataset(value: Any) -> bool:
    """Whether it gives samples one by one (or batches, a DataLoader): neither an array nor a pair of them."""
    if isinstance(value, Tensor | np.ndarray | list | tuple):
        return False
    return isinstance(value, DataLoader | IterableDataset) or (
        hasattr(value, "__getitem__") and hasattr(value, "__len__")
    )


def read_dataset(name: str, value: Any) -> tuple[Any, Any]:
    """(inputs (N, ...), targets (N, ...)) in the order the dataset gives them; of several a mapping or a tuple.

    Args:
        name: of the split.
        value: a DataLoader gives batches of (inputs, targets), anything else samples of (input, target); several inputs
            are ({name: input, ...}, target) or (input, ..., target), several targets a mapping. A sample may be a
            mapping of columns as well, the target's called `label` or alike; pictures of PIL become (C, H, W).

    Raises:
        DataError: it gives something else, samples of different shapes, or nothing.
    """
    batches = isinstance(value, DataLoader)
    samples = (
        value if isinstance(value, DataLoader | IterableDataset) else (value[index] for index in range(len(value)))
    )
    inputs, targets = _Columns(), _Columns()
    for given in samples:
        sample = _pair(given)
        if not isinstance(sample, tuple | list) or len(sample) < 2:
            keys = f" of {', '.join(map(str, sample))}" if isinstance(sample, Mapping) else ""
            raise DataError(
                f"the dataset of '{name}' gives a {type(sample).__name__}{keys}, not (input, target)",
                hint=f"name one of its columns {' or '.join(_TARGETS)}; or wrap it: a Dataset whose __getitem__ "
                "returns (input, target), both numbers or arrays",
            )
        inputs.add(sample[0] if len(sample) == 2 else sample[:-1])
        targets.add(sample[-1])
    try:
        join = torch.cat if batches else torch.stack
        return inputs.joined(join), targets.joined(join)
    except (RuntimeError, ValueError, TypeError, IndexError) as problem:
        raise DataError(
            f"the samples of '{name}' do not make one array: {str(problem).splitlines()[0][:200]}",
            hint="every input of one shape, every target of one shape; at least one sample",
        ) from problem


def _pair(sample: Any) -> Any:
    """(input, target) of a sample whose columns have names, one of them a target's; others as they are."""
    if not isinstance(sample, Mapping):
        return sample
    target = next((name for name in _TARGETS if name in sample), None)
    if target is None or len(sample) < 2:
        return sample
    rest = {name: value for name, value in sample.items() if name != target}
    return (next(iter(rest.values())) if len(rest) == 1 else rest), sample[target]


def _array(value: Any) -> Any:
    """A picture of PIL as (C, H, W); others as they are."""
    if not hasattr(value, "getbands"):
        return value
    pixels = np.array(value)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


class _Columns:
    """What samples hold at one place: an array each, or several in a mapping or a sequence."""

    def __init__(self) -> None:
        self._parts: dict[Any, list[Tensor]] = {}
        self._is_named = False

    def add(self, own: Any) -> None:
        self._is_named = isinstance(own, Mapping)
        is_several = isinstance(own, tuple | list) and any(isinstance(one, Tensor | np.ndarray) for one in own)
        items = own.items() if isinstance(own, Mapping) else enumerate(own if is_several else (own,))
        for key, given in items:
            self._parts.setdefault(key, []).append(torch.as_tensor(native(_array(given))))

    def joined(self, join: Callable[[list[Tensor]], Tensor]) -> Any:
        """(N, ...); a mapping or a tuple of them where there are several."""
        parts = {key: join(column) for key, column in self._parts.items()}
        if self._is_named:
            return parts
        return parts[0] if len(parts) == 1 else tuple(parts.values())
