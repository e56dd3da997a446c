"""Samples split by use.

Weights are trained on `train`, ranges and statistics computed on `calibration` (drawn from train), decisions made on
`validation`; `test` is evaluated once, for final results. Samples are stored as given (8-bit images stay 8-bit) and
scaled when they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeprune.errors import DataError
from edgeprune.train.forms.datasets import is_dataset, read_dataset
from edgeprune.train.forms.named_labels import numbered
from edgeprune.train.forms.several_targets import TargetForm, rows_of_splits
from edgeprune.train.metrics import IGNORED
from edgeprune.train.native import native

_NAMES = ("train", "calibration", "validation", "test")
_HELD_OUT_VALIDATION, _MAX_VALIDATION = 0.1, 5_000
_HELD_OUT_TEST = 0.2
_CALIBRATION = 512
_MIXED = 0.05  # of a split's samples may be in another one
_SPLIT_SEED = 20_260_101  # one fixed shuffle: no setting may move a test sample into training


@dataclass(frozen=True, eq=False)
class Split:
    """Some samples.

    Attributes:
        inputs: (N, C, H, W), (N, C, T) or (N, F), uint8 or float32 as stored.
        targets: (N, ...) int64, class labels or whole values, or (N, ...) float32.
        scale, offset: broadcast over one sample, float32; the network reads `inputs * scale + offset`.
    """

    inputs: Tensor
    targets: Tensor
    scale: Tensor
    offset: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def real(self, samples: Tensor) -> Tensor:
        """Stored samples (B, ...) as the network reads them, float32."""
        return samples.float() * self.scale + self.offset

    def take(self, count: int) -> Split:
        """The first `count` samples; the order was shuffled once, when the splits were made."""
        return replace(self, inputs=self.inputs[:count], targets=self.targets[:count])

    def tensor(self) -> Tensor:
        """All samples as the network reads them, float32."""
        return self.real(self.inputs)


@dataclass(frozen=True, eq=False)
class Splits:
    """class_names: by label; empty where nobody named them. form: of several targets a sample, which are rows then."""

    train: Split
    calibration: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...] = ()
    form: TargetForm | None = None

    def ignoring(self, label: int) -> Splits:
        """With `IGNORED` wherever targets are this label."""
        marked = {
            name: replace(split, targets=split.targets.masked_fill(split.targets == label, IGNORED))
            for name, split in ((name, getattr(self, name)) for name in _NAMES)
        }
        return replace(self, **marked)

    def of_classes(self, classes: Sequence[int]) -> Splits:
        """The samples of these classes alone, relabelled from 0 in the order of their indices.

        Raises:
            DataError: the targets are not class labels, or a split has no sample of these classes.
        """
        order = torch.tensor(sorted(classes))

        def chosen(name: str, split: Split) -> Split:
            if split.targets.is_floating_point():
                raise DataError("classes were chosen, and the targets are not class labels", hint="drop 'classes'")
            mine = torch.isin(split.targets, order)
            if not bool(mine.any()):
                raise DataError(f"'{name}' has no sample of classes {order.tolist()}", hint="choose other classes")
            return replace(split, inputs=split.inputs[mine], targets=torch.searchsorted(order, split.targets[mine]))

        names = self.class_names
        train, calibration, validation, test = (chosen(name, getattr(self, name)) for name in _NAMES)
        chosen_names = tuple(names[label] for label in sorted(classes)) if names else ()
        return Splits(train, calibration, validation, test, chosen_names, self.form)


def make_splits(
    arrays: Mapping[str, Any],
    input_shape: tuple[int, ...],
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    class_names: tuple[str, ...] = (),
) -> Splits:
    """Checks the arrays and fills in the splits that are not given.

    Without `test` a fifth of train is held out for it; without `validation` a tenth of what remains (at most 5,000);
    without `calibration` it is the first 512 samples of train.

    Args:
        arrays: split name -> (inputs, targets) as numpy arrays or tensors, a torch Dataset or DataLoader (read once),
            or inputs alone where the network is to give back its input. `train` must be there. uint8 inputs mean
            value / 255.
        input_shape: of one sample.
        mean, std: per channel or one for all, in the units of the scaled input.
        class_names: by label, where labels are words; without them those of train, sorted.

    Raises:
        DataError: wrong names, shapes, lengths or types, NaN or infinite values, an empty split, or one whose
            samples are in another, too. What targets mean is checked with the task (`agreement.py`).
    """
    if not isinstance(arrays, Mapping):
        raise DataError(
            f"the data are a {type(arrays).__name__}, not splits by name", hint='give {"train": (inputs, targets), ...}'
        )
    unknown = [name for name in arrays if name not in _NAMES]
    if unknown or "train" not in arrays:
        raise DataError(
            f"the data has splits {', '.join(map(repr, arrays)) or 'of no name'}",
            hint="give 'train' and, where you have them, 'validation', 'test', 'calibration', each (inputs, targets)",
        )
    arrays, names = numbered({name: _read(name, value) for name, value in arrays.items()}, class_names)
    arrays, form = rows_of_splits(arrays)
    pairs = {name: _checked(name, value, input_shape) for name, value in arrays.items()}
    _refuse_mixed({name: inputs for name, (inputs, _) in pairs.items()})
    generator = torch.Generator().manual_seed(_SPLIT_SEED)
    pairs["train"] = _picked(pairs["train"], torch.randperm(len(pairs["train"][0]), generator=generator))
    if "test" not in pairs:
        pairs["test"], pairs["train"] = _cut(pairs["train"], _HELD_OUT_TEST, "test")
    if "validation" not in pairs:
        share = min(_HELD_OUT_VALIDATION, _MAX_VALIDATION / max(1, len(pairs["train"][0])))
        pairs["validation"], pairs["train"] = _cut(pairs["train"], share, "validation")
    pairs.setdefault("calibration", _picked(pairs["train"], torch.arange(min(_CALIBRATION, len(pairs["train"][0])))))
    scaling = mean or (0.0,), std or (1.0,)
    train, calibration, validation, test = (_split(*pairs[name], input_shape, *scaling) for name in _NAMES)
    return Splits(train, calibration, validation, test, names, form)


def _refuse_mixed(inputs: Mapping[str, Tensor]) -> None:
    """Evaluation samples must not be training samples. Data with many duplicates is accepted."""
    seen = {name: [hash(sample.numpy().tobytes()) for sample in samples] for name, samples in inputs.items()}
    usual = 1 - len(set(seen["train"])) / len(seen["train"])
    for one, other in (("test", "train"), ("validation", "train"), ("test", "validation"), ("test", "calibration")):
        if one in seen and other in seen:
            known = set(seen[other])
            count = sum(sample in known for sample in seen[one])
            if count > (_MIXED + 2 * usual) * len(seen[one]):
                raise DataError(
                    f"{count:,} of the {len(seen[one]):,} samples of '{one}' are in '{other}' too",
                    hint=f"figures on '{one}' would not hold for new samples: remove them from one of the two",
                )


def _read(name: str, value: Any) -> Any:
    return read_dataset(name, value) if is_dataset(value) else value


def _checked(name: str, value: Any, input_shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(pair) not in (1, 2):
        raise DataError(f"'{name}' holds {len(pair)} items", hint="give (inputs, targets)")
    if isinstance(pair[0], tuple | Mapping):
        raise DataError(
            f"'{name}' has {len(pair[0])} inputs a sample, the model takes one",
            hint="leave the others out, or state them all: [model] inputs = { name = [...], ... }",
        )
    inputs = _inputs(name, _tensor(f"inputs of '{name}'", pair[0]), input_shape)
    targets = _targets(name, _tensor(f"targets of '{name}'", pair[1])) if len(pair) == 2 else inputs.float()
    if len(inputs) != len(targets):
        raise DataError(f"'{name}' has {len(inputs):,} inputs and {len(targets):,} targets", hint="one target a sample")
    if len(inputs) == 0:
        raise DataError(f"'{name}' is empty", hint="a split needs at least one sample")
    return inputs, targets


def _tensor(what: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"the {what} are of type {array.dtype}",
            hint="give numeric arrays: float32, or uint8 for images; labels may be words",
        )
    return torch.from_numpy(native(array))


def _inputs(name: str, inputs: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(inputs.shape[1:]) != shape:
        hint = f"[model] input is {list(shape)}; batches are (N, {', '.join(map(str, shape))})"
        if len(shape) == 3 and tuple(inputs.shape[1:]) == (*shape[1:], shape[0]):
            hint = "channels come first: inputs.transpose(0, 3, 1, 2)"
        elif shape[0] == 1 and tuple(inputs.shape[1:]) == shape[1:]:
            hint = "the axis of the one channel is missing: inputs[:, None]"
        elif tuple(inputs.shape[2:]) == shape[1:] and (inputs.shape[1], shape[0]) == (1, 3):
            hint = "they are grey: inputs.repeat(3, axis=1), or image.convert('RGB') in the dataset"
        raise DataError(f"inputs of '{name}' are {tuple(inputs.shape)}, the model takes {shape} each", hint=hint)
    if inputs.dtype == torch.uint8:
        return inputs
    inputs = inputs.float()
    _refuse_non_finite(f"inputs of '{name}'", inputs)
    return inputs


def _targets(name: str, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        _refuse_non_finite(f"targets of '{name}'", targets)
        return targets.float()
    return targets.long()


def _refuse_non_finite(what: str, values: Tensor) -> None:
    good = torch.isfinite(values)
    if bool(good.all()):
        return
    samples = (~good.flatten(1).all(dim=1) if values.ndim > 1 else ~good).nonzero().flatten()
    raise DataError(
        f"the {what} hold {int((~good).sum()):,} NaN or infinite values, in {len(samples):,} of {len(values):,} "
        f"samples (first: sample {int(samples[0])})",
        hint="drop those samples, or fill them before training",
    )


def _picked(pair: tuple[Tensor, Tensor], index: Tensor) -> tuple[Tensor, Tensor]:
    return pair[0][index], pair[1][index]


def _cut(pair: tuple[Tensor, Tensor], share: float, name: str) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    count, total = max(1, round(share * len(pair[0]))), len(pair[0])
    if count >= total:
        raise DataError(
            f"{total} training samples are too few to hold some out for '{name}'", hint=f"give a '{name}' split"
        )
    return _picked(pair, torch.arange(count)), _picked(pair, torch.arange(count, total))


def _split(
    inputs: Tensor, targets: Tensor, shape: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]
) -> Split:
    unit = 1.0 / 255.0 if inputs.dtype == torch.uint8 else 1.0
    per_channel = (-1, *[1] * (len(shape) - 1))
    means = torch.tensor(mean, dtype=torch.float32).reshape(per_channel)
    deviations = torch.tensor(std, dtype=torch.float32).reshape(per_channel)
    return Split(inputs, targets, unit / deviations, -means / deviations)
