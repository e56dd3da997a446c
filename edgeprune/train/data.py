"""The project's data as splits: from the user's function, an `.npz`, or images in class folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeprune.errors import DataError
from edgeprune.files.bounded import Unreadable, read_npz
from edgeprune.model.inputs import Inputs, Taken
from edgeprune.project.entry import load_entry, user_code
from edgeprune.project.file import Project
from edgeprune.train.forms.array_folder import is_array_folder, read_array_folder
from edgeprune.train.forms.class_folders import class_names, members_of
from edgeprune.train.forms.decode import SUFFIXES as IMAGES
from edgeprune.train.forms.hugging_face import is_saved_dataset, read_saved_dataset
from edgeprune.train.forms.images import load_images
from edgeprune.train.forms.recordings import SUFFIXES as RECORDINGS
from edgeprune.train.forms.recordings import load_recordings, load_spectrograms
from edgeprune.train.forms.several_inputs import joined_inputs
from edgeprune.train.splits import Splits, make_splits

_NPZ_NAMES = {"x": "train", "x_train": "train", "x_calibration": "calibration", "x_validation": "validation",
              "x_val": "validation", "x_test": "test"}  # fmt: skip


_BY_FUNCTION = (
    '[data] entry = "data.py:load" in place of path: a function of yours that reads it and gives {"train": (inputs, '
    "targets), ...}"
)
_WAYS_IN = {
    ".npy": "name its folder: x_train.npy beside y_train.npy, or x.npy beside y.npy",
    ".csv": f"a recording a file lies in class folders, <class>/*.csv; of a table of samples, {_BY_FUNCTION}",
    ".wav": "name the folder above: <class>/*.wav",
    **dict.fromkeys((".tar", ".gz", ".tgz", ".7z", ".rar"), "unpack it, and name the folder"),
}


def load_data(project: Project) -> Splits:
    """Reads the data that `[data]` names.

    - `entry`: a function of no arguments giving {"train": (inputs, targets), "validation": ..., "test": ...}, where a
      split may be a torch Dataset or DataLoader
    - `.npz`: `x_train`, `y_train`, `x_validation` (or `x_val`), `x_test`, ... or `x`, `y`; of several inputs
      `x_train_NAME`, ...
    - a folder of memory-mapped `.npy`: `x_train.npy`, ... called as the arrays of an `.npz`
    - a folder that Hugging Face's `save_to_disk` wrote, where `datasets` is installed
    - a folder or `.zip`: `<class>/*.jpg`, or `train/<class>/*.jpg` beside `test/...` and `validation/...`; `.csv` and
      `.wav` recordings likewise, where the input is (channels, moments); spectrograms of `.wav` by `[data.spectrogram]`

    Raises:
        DataError: data that cannot be used; see `make_splits`.
    """
    shape, data = project.model.sample_shape, project.data
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
        arrays = _read(path, project)
    if project.model.inputs is not None:
        mean, std = (one if isinstance(one, dict) else {} for one in (data.mean, data.std))
        shapes = project.model.inputs_by_name
        inputs = Inputs(tuple(shapes), tuple(shapes.values()), Taken.ARGUMENTS)
        splits = make_splits(joined_inputs(arrays, inputs, mean, std), shape, class_names=project.task.class_names)
    else:
        mean_of_all, std_of_all = (one if isinstance(one, tuple) else None for one in (data.mean, data.std))
        splits = make_splits(arrays, shape, mean_of_all, std_of_all, project.task.class_names)
    names = project.task.class_names or splits.class_names or _folder_names(project)
    splits = replace(splits, class_names=names)
    ignored = project.task.ignore_label
    return splits if ignored is None else splits.ignoring(ignored)


def _folder_names(project: Project) -> tuple[str, ...]:
    """Of the class folders the data lie in, by label."""
    path = project.data.path
    if path is None or path.suffix == ".npz" or _holds_no_classes(project.root / path):
        return ()
    is_sound = project.data.spectrogram is not None or len(project.model.sample_shape) == 2
    suffixes = RECORDINGS if is_sound else IMAGES
    return tuple(class_names(members_of(project.root / path, suffixes, "files")))


def _holds_no_classes(path: Path) -> bool:
    return is_array_folder(path) or is_saved_dataset(path)


def _read(path: Path, project: Project) -> Mapping[str, Any]:
    shape, data = project.model.sample_shape, project.data
    if data.spectrogram is not None and (path.suffix == ".npz" or _holds_no_classes(path)):
        raise DataError(
            f"[data.spectrogram] is made of recordings, and {path.name} holds arrays",
            hint="leave [data.spectrogram] away, or give the .wav files in class folders",
        )
    if path.suffix == ".npz":
        return _npz(path, project.model.inputs_by_name)
    if is_array_folder(path):
        return _splits_of(read_array_folder(path), path.name, project.model.inputs_by_name)
    if is_saved_dataset(path):
        return read_saved_dataset(path)
    if path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{path.name} is no .npz, .zip or folder", hint=_WAYS_IN.get(path.suffix.lower(), _BY_FUNCTION))
    if project.model.inputs is not None:
        raise DataError(
            f"{path.name} holds one input a sample, the model takes {', '.join(project.model.inputs_by_name)}",
            hint="several come from 'entry' = \"data.py:load\", or an .npz of x_train_NAME, ...",
        )
    if data.spectrogram is not None:
        return load_spectrograms(path, shape, data.window_step, data.spectrogram)
    if len(shape) == 2:
        return load_recordings(path, shape, data.window_step)
    return load_images(path, shape, data.resize)


def _npz(path: Path, names: Iterable[str]) -> dict[str, Any]:
    try:
        arrays = read_npz(path)
    except Unreadable as problem:
        raise DataError(
            f"{path.name} cannot be read: {problem}",
            hint="write it with numpy.savez, arrays of numbers only; labels that are words as labels.astype(str)",
        ) from problem
    return _splits_of(arrays, path.name, names)


def _splits_of(arrays: Mapping[str, Any], source: str, names: Iterable[str]) -> dict[str, Any]:
    """Arrays called x_train, y_train, ... by split, in capitals or not."""
    lower = {name[:1].lower() + name[1:]: array for name, array in arrays.items()}
    arrays, splits, used = lower if len(lower) == len(arrays) else arrays, dict[str, Any](), set[str]()
    for name, split in _NPZ_NAMES.items():
        parts = {own: arrays[f"{name}_{own}"] for own in names if f"{name}_{own}" in arrays}
        if name in arrays or parts:
            targets, given = arrays.get("y" + name[1:]), parts or arrays[name]
            splits[split] = (given,) if targets is None else (given, targets)
            used |= {name, "y" + name[1:], *(f"{name}_{own}" for own in parts)}
    if "train" not in splits:
        raise DataError(
            f"{source} holds {', '.join(arrays) or 'nothing'}",
            hint="name the arrays x_train, y_train, and x_test, y_test where there is a test split",
        )
    unread = sorted(name for name in set(arrays) - used if name[:2] in ("x_", "y_"))
    if unread:
        raise DataError(
            f"{source}: nothing reads {', '.join(unread)}",
            hint=f"splits are {', '.join(_NPZ_NAMES)}, and y in place of x; other arrays begin otherwise",
        )
    return splits
