"""The project's data as splits: from the user's function, an `.npz`, or images in class folders."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edgeprune.entry import load_entry, user_code
from edgeprune.errors import DataError, ModelError
from edgeprune.project import Project
from edgeprune.train.images import load_images
from edgeprune.train.splits import Splits, make_splits

_NPZ_NAMES = {"x": "train", "x_train": "train", "x_calibration": "calibration", "x_validation": "validation",
              "x_val": "validation", "x_test": "test"}  # fmt: skip


def load_data(project: Project) -> Splits:
    """Reads what `[data]` names.

    - `entry`: a function of no arguments giving {"train": (inputs, targets), "validation": ..., "test": ...}
    - `.npz`: `x_train`, `y_train`, `x_validation` (or `x_val`), `x_test`, ... or `x`, `y`
    - a folder or `.zip`: `<class>/*.jpg`, or `train/<class>/*.jpg` beside `test/...` and `validation/...`

    Raises:
        DataError: anything about the data that cannot be used; see `make_splits`.
    """
    shape, data = project.model.input, project.data
    if data.entry is not None:
        load = load_entry(data.entry, project.root, DataError)
        with user_code(data.entry, DataError):
            arrays = load()
        if not isinstance(arrays, Mapping):
            raise DataError(
                f"{data.entry} returned a {type(arrays).__name__}", hint='return {"train": (inputs, targets), ...}'
            )
    else:
        path = project.root / str(data.path)
        if not path.exists():
            raise DataError(f"the data {path} are not there", hint="'path' in [data] is relative to edgeprune.toml")
        arrays = _npz(path) if path.suffix == ".npz" else load_images(path, shape, data.resize)
    return make_splits(arrays, shape, data.mean or (0.0,), data.std or (1.0,))


def check_together(module: nn.Module, splits: Splits, loss: str) -> None:
    """One forward pass: does the network take these inputs and answer in the shape of these targets?

    Raises:
        ModelError: the network refuses the input or answers with NaN.
        DataError: labels beyond the network's classes, targets of another shape.
    """
    samples = splits.train.take(2).tensor()
    try:
        with torch.no_grad():
            outputs = module.eval()(samples)
    except Exception as problem:
        raise ModelError(
            f"the model does not take an input of {tuple(samples.shape[1:])}: {str(problem).splitlines()[0][:300]}",
            hint="[model] input is one sample without the batch: (C, H, W) or (features)",
        ) from problem
    if not isinstance(outputs, torch.Tensor):
        raise ModelError(f"the model returns a {type(outputs).__name__}", hint="return one tensor (N, outputs)")
    if not bool(torch.isfinite(outputs).all()):
        raise ModelError(
            "the model answers NaN or infinite values to the first samples", hint="check weights and scaling"
        )
    for name, split in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        targets = split.targets
        if loss != "cross_entropy":
            if targets.is_floating_point() and targets.shape[1:] != outputs.shape[1:]:
                raise DataError(
                    f"targets of '{name}' are {tuple(targets.shape[1:])} each, "
                    f"the model gives {tuple(outputs.shape[1:])}",
                    hint="one target for each output of the model",
                )
        elif targets.is_floating_point():
            raise DataError(
                f"targets of '{name}' are numbers, cross_entropy wants class labels",
                hint='integers from 0, or loss = "mse" in [task]',
            )
        elif int(targets.max()) >= outputs.shape[1]:
            bad = targets >= outputs.shape[1]
            raise DataError(
                f"{int(bad.sum()):,} labels of '{name}' are out of range: the highest is {int(targets.max())}, "
                f"the model has {outputs.shape[1]} classes (0..{outputs.shape[1] - 1})",
                hint="count labels from 0, or give the model as many outputs as there are classes",
            )


def _npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise DataError(
            f"{path.name} cannot be read: {problem}", hint="write it with numpy.savez, numbers only"
        ) from problem
    found: dict[str, Any] = {}
    for name, split in _NPZ_NAMES.items():
        if name in arrays:
            targets = arrays.get("y" + name[1:])
            found[split] = (arrays[name],) if targets is None else (arrays[name], targets)
    if "train" not in found:
        raise DataError(
            f"{path.name} holds {', '.join(arrays) or 'nothing'}",
            hint="name the arrays x_train, y_train, and x_test, y_test where there is a test split",
        )
    return found
