"""PyTorch's datasets and loaders, and what looks like them, read once into arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from edgeprune.errors import DataError
from edgeprune.train.forms.decode import of_8_bits
from edgeprune.train.native import native

_PAIR = 2  # an input and a target
_GREY = ("1", "L", "LA", "La")
_TARGETS = ("label", "labels", "target", "targets", "y")
"""Columns that are no inputs."""


def is_dataset(value: Any) -> bool:
    """Whether it gives samples one by one (or batches, a DataLoader): neither an array nor a pair of them."""
    if isinstance(value, list) and len(value) > _PAIR and all(isinstance(one, tuple) for one in value):
        return all(len(one) == _PAIR for one in value)  # samples in a list, not inputs and targets
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
    inputs, targets = _Columns(_picture), _Columns(_label_map)
    for given in _samples(name, value):
        sample = _pair(given)
        if not isinstance(sample, tuple | list) or len(sample) < 2:
            keys = f" of {', '.join(map(str, sample))}" if isinstance(sample, Mapping) else ""
            raise DataError(
                f"the dataset of '{name}' gives a {type(sample).__name__}{keys}, not (input, target)",
                hint=f"name one of its columns {' or '.join(_TARGETS)}; or wrap it: a Dataset whose __getitem__ "
                "returns (input, target), both numbers or arrays",
            )
        try:
            inputs.add(sample[0] if len(sample) == _PAIR else sample[:-1])
            targets.add(sample[-1])
        except (TypeError, ValueError) as problem:
            raise DataError(
                f"a sample of '{name}' is no array of numbers: {str(problem).split('. ')[0][:200]}",
                hint="__getitem__ returns (input, target), arrays of numbers each; a target may be a word",
            ) from problem
    if inputs.is_empty:
        raise DataError(f"the dataset of '{name}' gives no sample", hint="len(dataset) must be above 0")
    try:
        join = torch.cat if batches else torch.stack
        return inputs.joined(join), targets.joined(join)
    except (RuntimeError, ValueError, TypeError, IndexError) as problem:
        raise DataError(
            f"the samples of '{name}' do not make one array: {str(problem).splitlines()[0][:200]}",
            hint="every input of one shape, every target of one shape; at least one sample",
        ) from problem


def _samples(name: str, value: Any) -> Iterator[Any]:
    """What it gives, one after the other.

    Raises:
        DataError: its own code fails.
    """
    is_iterated = isinstance(value, DataLoader | IterableDataset)
    samples = iter(value) if is_iterated else (value[index] for index in range(len(value)))
    for number in count():
        try:
            yield next(samples)
        except StopIteration:
            return
        except Exception as problem:  # whatever the user's dataset raises
            raise DataError(
                f"the dataset of '{name}' raises {type(problem).__name__} at {number}: {str(problem)[:200]}",
                hint="for sample in dataset: pass; must run through",
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


def _picture(value: Any) -> Any:
    """A picture of PIL as (C, H, W), grey or RGB, 8 bits; others as they are."""
    if not hasattr(value, "getbands"):
        return value
    is_grey = value.mode in _GREY or value.mode.startswith("I") or _has_grey_palette(value)
    return _channels_first(np.array(of_8_bits(value).convert("L" if is_grey else "RGB")))


def _has_grey_palette(value: Any) -> bool:
    """Whether its palette's colours are all greys, and none of them lets anything through."""
    if value.mode != "P" or "transparency" in value.info:
        return False
    colours = np.array(value.getpalette("RGB") or [0]).reshape(-1, 3) if value.getpalette("RGB") else np.zeros((1, 3))
    return bool((colours == colours[:, :1]).all())


def _label_map(value: Any) -> Any:
    """A picture of PIL as (C, H, W) of what its pixels hold, in a palette the places in it; others as they are."""
    return _channels_first(np.array(value)) if hasattr(value, "getbands") else value


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


class _Columns:
    """What samples hold at one place: an array each, or several in a mapping or a sequence."""

    def __init__(self, array_of: Callable[[Any], Any]) -> None:
        self._array_of = array_of
        self._parts: dict[Any, list[Tensor]] = {}
        self._words: list[str] = []  # labels
        self._is_named = False

    @property
    def is_empty(self) -> bool:
        return not self._parts and not self._words

    def add(self, own: Any) -> None:
        """Raises TypeError or ValueError for what is no array of numbers, and no word or batch of words."""
        if isinstance(own, str) or (isinstance(own, tuple | list) and own and all(isinstance(one, str) for one in own)):
            self._words += [own] if isinstance(own, str) else own
            return
        self._is_named = isinstance(own, Mapping)
        is_several = isinstance(own, tuple | list) and any(isinstance(one, Tensor | np.ndarray) for one in own)
        items = own.items() if isinstance(own, Mapping) else enumerate(own if is_several else (own,))
        for key, given in items:
            self._parts.setdefault(key, []).append(torch.as_tensor(native(self._array_of(given))))

    def joined(self, join: Callable[[list[Tensor]], Tensor]) -> Any:
        """(N, ...); a mapping or a tuple of them where there are several."""
        if self._words:
            return np.array(self._words)
        parts = {key: join(column) for key, column in self._parts.items()}
        if self._is_named:
            return parts
        return parts[0] if len(parts) == 1 else tuple(parts.values())
