"""A folder of `.npy` arrays, each read where it is needed: memory maps of what may be larger than memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeprune.errors import DataError
from edgeprune.files.bounded import ARCHIVE_FAULTS


def is_array_folder(path: Path) -> bool:
    return path.is_dir() and any(path.glob("x*.npy"))


def read_array_folder(path: Path) -> dict[str, np.ndarray]:
    """Arrays by the names of their files, mapped copy-on-write: what is written to them reaches no file.

    Raises:
        DataError: a file that is no array of numbers, or is shorter than its header states.
    """
    arrays = {}
    for file in sorted(path.glob("*.npy")):
        try:
            arrays[file.stem] = np.load(file, mmap_mode="c", allow_pickle=False)
        except ARCHIVE_FAULTS as problem:
            raise DataError(
                f"{path.name}/{file.name} cannot be read: {problem}", hint="write it with numpy.save, numbers only"
            ) from problem
    return arrays
