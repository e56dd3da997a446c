"""Files in class folders, from a folder or a zip; class indices follow the alphabetical order of class names."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.errors import DataError
from edgeprune.files.bounded import ARCHIVE_FAULTS, read_member

_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "validation": "validation",
    "val": "validation", "valid": "validation", "dev": "validation",
}  # fmt: skip
_SHOWN = 4  # kinds of files in a refusal


@dataclass(frozen=True)
class Member:
    """A file: the split and class it belongs to, and its name under the folder or in the zip."""

    split: str
    label: str
    name: str


def members_of(path: Path, suffixes: tuple[str, ...], what: str) -> list[Member]:
    """`<class>/<file>` or `<split>/<class>/<file>`, under any number of outer folders, in the order of their names.

    Args:
        path: a folder or a `.zip`.
        suffixes: of the files wanted, in lower case.
        what: they are called in messages.

    Raises:
        DataError: unreadable, no such file, none to train on, or a class without training files.
    """
    members, others = [], Counter[str]()
    for name in _names(path):
        parts = [part for part in name.replace(os.sep, "/").split("/") if part != "."]
        if not parts[-1] or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        if name.lower().endswith(suffixes):
            *outer, label, _ = ("", "", *parts)[-4:]
            members.append(Member(_SPLITS.get(outer[-1].lower(), "train"), label, name))
        else:
            others[Path(parts[-1]).suffix.lower() or parts[-1]] += 1
    if not members:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common(_SHOWN))
        raise DataError(
            f"no {what} in {path}" + (f", but {kinds}" if kinds else ""),
            hint=f"<class>/<file> or train/<class>/<file>, {' '.join(suffixes)}",
        )
    bare = next((member for member in members if _is_bare(member)), None)
    if bare is not None:
        raise DataError(
            f"{bare.name} of {path.name} lies in no folder of its class",
            hint="<class>/<file> or train/<class>/<file>; labels kept elsewhere are read by 'entry' = \"data.py:load\"",
        )
    trained = class_names(members)
    if not trained:
        raise DataError(f"{path.name} has no training {what}", hint="put them in train/<class>/")
    strange = sorted({member.label for member in members} - set(trained))
    if strange:
        raise DataError(
            f"class '{strange[0]}' has no training {what} in {path.name}",
            hint=f"classes in train: {', '.join(trained)}",
        )
    return members


def _is_bare(member: Member) -> bool:
    """Whether no folder of a class lies above it: a class may be called as a split is, in a folder of a split."""
    *outer, label, _ = ("", *(part for part in member.name.replace(os.sep, "/").split("/") if part != "."))
    return label == "" or (label.lower() in _SPLITS and (not outer or outer[-1].lower() not in _SPLITS))


def class_names(members: Sequence[Member]) -> list[str]:
    return sorted({member.label for member in members if member.split == "train"})


def in_splits(values: np.ndarray, members: Sequence[Member]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (its values, labels (N,) int64).

    Args:
        values: (N, ...), of one member each.
    """
    index_of = {name: index for index, name in enumerate(class_names(members))}
    labels = np.array([index_of[member.label] for member in members], dtype=np.int64)
    splits = {}
    for split in sorted({member.split for member in members}):
        index = np.array([number for number, member in enumerate(members) if member.split == split])
        splits[split] = (values if len(index) == len(members) else values[index], labels[index])
    return splits


def reader(path: Path, stack: ExitStack) -> Callable[[str], bytes]:
    """A function from a member's name to its content; the zip is open as long as the stack."""
    if path.is_dir():
        return lambda name: (path / name).read_bytes()
    archive = stack.enter_context(zipfile.ZipFile(path))
    return lambda name: read_member(archive, name)


def _names(path: Path) -> list[str]:
    if path.is_dir():
        return [str(file.relative_to(path)) for file in sorted(path.rglob("*")) if file.is_file()]
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(archive.namelist())
    except ARCHIVE_FAULTS as problem:
        raise DataError(
            f"{path.name} cannot be read: {problem}", hint="an .npz, or a zip or folder of files in class folders"
        ) from problem
