"""Archives from outside, read without believing what they claim: no entry is larger than its file could hold.

A few hundred bytes can claim terabytes (an `.npy` header is text) or unpack to gigabytes (a zip in a zip).
"""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import numpy as np

MOST_RATIO = 1100
"""What deflate can make of one byte at most is 1,032."""

ARCHIVE_FAULTS = (
    OSError, ValueError, EOFError, KeyError, RuntimeError, NotImplementedError, MemoryError, OverflowError, TypeError,
    UnicodeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What zipfile and numpy raise on damaged archives; numpy reads the header of an array as Python."""


class Unreadable(Exception):
    """An archive that is damaged, or claims more than it can hold; the message states which."""


def read_npz(path: Path, names: Iterable[str] | None = None) -> Mapping[str, np.ndarray]:
    """Arrays of an `.npz` by name; numeric ones only.

    Args:
        names: those that are wanted where they are there; None for all.

    Raises:
        Unreadable: not such a file, damaged, or an array that is larger than its entry.
        FileNotFoundError: nothing there.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    wanted = None if names is None else {f"{name}.npy" for name in names}
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".npy") and (wanted is None or entry.filename in wanted):
                    arrays[entry.filename.removesuffix(".npy")] = _array(archive, entry)
    except ARCHIVE_FAULTS as problem:
        raise Unreadable(f"{problem or type(problem).__name__}") from problem
    return arrays


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """An entry whole.

    Raises:
        Unreadable: damaged, encrypted, or larger than its compressed bytes can be.
    """
    try:
        entry = archive.getinfo(name)
        _check_size(entry)
        with archive.open(entry) as stream:
            content = stream.read(entry.file_size + 1)
    except ARCHIVE_FAULTS as problem:
        raise Unreadable(f"{problem or type(problem).__name__}") from problem
    if len(content) != entry.file_size:
        raise Unreadable(f"{name} holds other bytes than the {entry.file_size:,} it claims")
    return content


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    _check_size(entry)
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"{entry.filename} is of an unknown version {version}")
        shape, _, dtype = read(stream)
        if dtype.hasobject:
            raise ValueError(f"{entry.filename} holds Python objects")
        needed = prod(shape) * dtype.itemsize
        if needed > entry.file_size:
            raise ValueError(f"{entry.filename} of shape {shape} needs {needed:,} B, its entry has {entry.file_size:,}")
    with archive.open(entry) as stream:
        array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _check_size(entry: zipfile.ZipInfo) -> None:
    if entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
        raise ValueError(
            f"{entry.filename} claims {entry.file_size:,} B, more than its {entry.compress_size:,} B can unpack to"
        )
