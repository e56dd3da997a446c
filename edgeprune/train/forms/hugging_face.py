"""Datasets that Hugging Face's `datasets` has saved to disk, where the user has that package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeprune.errors import DataError

_DICT, _ONE = "dataset_dict.json", "state.json"


def is_saved_dataset(path: Path) -> bool:
    """Whether it is a folder of `save_to_disk`."""
    return (path / _DICT).is_file() or ((path / _ONE).is_file() and (path / "dataset_info.json").is_file())


def read_saved_dataset(path: Path) -> Mapping[str, Any]:
    """Split name -> the dataset; its columns are read by `datasets.py`.

    Raises:
        DataError: `datasets` is not installed, or refuses the folder.
    """
    try:
        from datasets import load_from_disk
    except ImportError:
        raise DataError(
            f"{path.name} is a dataset of Hugging Face, and the package that reads it is not installed",
            hint="pip install datasets; or save its columns as x_train.npy and y_train.npy",
        ) from None
    try:
        loaded = load_from_disk(str(path))
    except Exception as problem:  # whatever that package raises on a damaged folder
        raise DataError(f"{path.name} cannot be read: {problem}", hint="write it with save_to_disk") from problem
    return dict(loaded) if isinstance(loaded, Mapping) else {"train": loaded}
