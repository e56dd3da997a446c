"""Labels that are words: numbered in the order of the class names, or alphabetically, as class folders are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgeprune.errors import DataError


def numbered(arrays: Mapping[str, Any], class_names: Sequence[str] = ()) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The splits with int64 labels in place of words, and the classes' names by label; none where labels are numbers.

    Args:
        arrays: split name -> (inputs, targets).
        class_names: by label; without them those of `train`, sorted.

    Raises:
        DataError: a label that is no class's name.
    """
    words = {
        name: found
        for name, value in arrays.items()
        if isinstance(value, tuple | list) and len(value) == 2 and (found := _words(value[1])) is not None
    }
    if "train" not in words:
        return dict(arrays), ()
    names = tuple(class_names) or tuple(sorted(set(words["train"].ravel().tolist())))
    index = {name: number for number, name in enumerate(names)}
    made = dict(arrays)
    for split, own in words.items():
        strange = sorted(set(own.ravel().tolist()) - set(names))
        if strange:
            listed = "class_names of [task]" if class_names else "the labels of 'train'"
            raise DataError(
                f"'{split}' has the label {strange[0]!r}, which is not among {listed}",
                hint=f"the classes are {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}",
            )
        labels = np.array([index[name] for name in own.ravel().tolist()], np.int64)
        made[split] = (arrays[split][0], labels.reshape(own.shape))
    return made, names


def _words(targets: Any) -> np.ndarray | None:
    """An array of str, of words; None of anything else."""
    if isinstance(targets, list | tuple) and targets and isinstance(targets[0], str):
        targets = np.array(targets)
    if not isinstance(targets, np.ndarray):
        return None
    if targets.dtype.kind == "O" and targets.size and all(isinstance(one, str) for one in targets.ravel()):
        return targets.astype(str)
    if targets.dtype.kind == "S":
        return np.char.decode(targets, "utf-8")
    return targets if targets.dtype.kind == "U" else None
