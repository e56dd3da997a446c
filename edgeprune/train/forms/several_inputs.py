"""Samples of several inputs, laid end to end (`model/inputs.py`) before they are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.errors import DataError
from edgeprune.model.inputs import Inputs
from edgeprune.train.forms.datasets import is_dataset, read_dataset
from edgeprune.train.native import native

Scaling = Mapping[str, tuple[float, ...]]


def joined_inputs(arrays: Mapping[str, Any], inputs: Inputs, mean: Scaling, std: Scaling) -> dict[str, Any]:
    """Split name -> (inputs (N, values) float32, targets), for `make_splits`.

    Args:
        arrays: split name -> (inputs, targets), where inputs are a mapping by the names of `inputs`, or a sequence in
            their order; a Dataset or DataLoader whose samples are ({...}, target) or (input, ..., target).
        mean, std: by name, per channel or one for all; 8-bit values are scaled to 0..1 first.

    Raises:
        DataError: no such inputs, other shapes, or other counts of samples.
    """
    return {name: _joined(name, value, inputs, mean, std) for name, value in arrays.items()}


def _joined(split: str, value: Any, inputs: Inputs, mean: Scaling, std: Scaling) -> tuple[Tensor, Any]:
    given = read_dataset(split, value) if is_dataset(value) and not isinstance(value, Mapping) else value
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise DataError(
            f"'{split}' is not (inputs, targets)",
            hint=f"({{{', '.join(f'{n!r}: ...' for n in inputs.names)}}}, targets)",
        )
    found = _by_name(split, given[0], inputs.names)
    parts = [
        _scaled(split, name, found[name], shape, mean.get(name, (0.0,)), std.get(name, (1.0,)))
        for name, shape in zip(inputs.names, inputs.shapes, strict=True)
    ]
    counts = {name: len(part) for name, part in zip(inputs.names, parts, strict=True)}
    if len({*counts.values()}) != 1:
        shown = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        raise DataError(f"'{split}' has {shown}", hint="one of each a sample")
    return inputs.packed(parts), given[1]


def _by_name(split: str, given: Any, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        if not missing:
            return given
        if len(given) == len(names) and all(name.isdigit() for name in names):
            return dict(zip(names, given.values(), strict=True))
        raise DataError(
            f"'{split}' has no {', '.join(missing)}, but {', '.join(map(str, given))}",
            hint="the names of [model] inputs",
        )
    if isinstance(given, tuple | list) and len(given) == len(names):
        return dict(zip(names, given, strict=True))
    what = f"{len(given)} arrays" if isinstance(given, tuple | list) else f"a {type(given).__name__}"
    raise DataError(
        f"the inputs of '{split}' are {what}, the model takes {len(names)}: {', '.join(names)}",
        hint="a dict by these names, or a tuple in this order",
    )


def _scaled(
    split: str, name: str, given: Any, shape: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    array = given.detach().cpu() if isinstance(given, Tensor) else np.asarray(given)
    if not isinstance(array, Tensor) and array.dtype.kind not in "fiub":
        raise DataError(f"'{name}' of '{split}' is of type {array.dtype}", hint="give numeric arrays")
    values = torch.as_tensor(native(array))
    if shape == (1,) and values.ndim == 1:
        values = values.unsqueeze(1)
    if tuple(values.shape[1:]) != shape:
        raise DataError(
            f"'{name}' of '{split}' is {tuple(values.shape)}, the model takes {shape} each",
            hint=f"(N, {', '.join(map(str, shape))}); channels come first",
        )
    unit = 255.0 if values.dtype == torch.uint8 else 1.0
    means, deviations = (torch.tensor(one).reshape(-1, *[1] * (len(shape) - 1)) for one in (mean, std))
    return (values.float() / unit - means) / deviations
