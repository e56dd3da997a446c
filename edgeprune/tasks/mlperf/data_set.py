"""A data set laid out as MLCommons lays out MLPerf Tiny's: `y_labels.csv` and the files it names.

A line is a file's name, its number of classes and its class; for anomaly detection also how many bytes of it are sent
at once, and how far they move on each time. A file's bytes are sent as they are.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import DataError
from edgeprune.toolchain.client_form import RUNNER_FORMS

LABELS = "y_labels.csv"


@dataclass(frozen=True)
class LabelledFile:
    """label: its class; windows: what is sent of it, one after the other."""

    name: str
    label: int
    windows: tuple[bytes, ...]


def labelled_files(folder: Path, input_bytes: int, most: int | None) -> tuple[LabelledFile, ...]:
    """The files in the order of the labels.

    Args:
        input_bytes: that a client of the device sends for one inference.
        most: so many at most.

    Raises:
        DataError: no such data set, a line that is none, or a file of another size.
    """
    try:
        with (folder / LABELS).open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream, skipinitialspace=True) if row][:most]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{folder / LABELS} cannot be read: {error}",
            hint=f"--data-sets names the folder that has one folder a model in it: {', '.join(RUNNER_FORMS)}",
        ) from error
    if not rows:
        raise DataError(f"{folder / LABELS} names no file", hint="a line is: file, number of classes, class")
    return tuple(_file(folder, row, input_bytes, number) for number, row in enumerate(rows, 1))


def require_both_classes(folder: Path, files: Sequence[LabelledFile]) -> None:
    """Raises DataError where no area under a curve can be made of the files: class 0 or class 1 has none."""
    of_class = [sum(file.label == wanted for file in files) for wanted in (0, 1)]
    if 0 in of_class:
        raise DataError(
            f"{folder / LABELS}: of {len(files):,} files {of_class[0]:,} have class 0 and {of_class[1]:,} class 1; "
            "a model that gives one score is judged by the AUC, which needs both",
            hint=f"raise --files or leave it away: files are taken in the order of {LABELS}",
        )


def _file(folder: Path, row: list[str], input_bytes: int, number: int) -> LabelledFile:
    try:
        name, label = row[0], int(row[2])
        size, stride = (int(row[3]), int(row[4])) if len(row) > 3 else (input_bytes, input_bytes)
        if min(size, stride) < 1:
            raise ValueError(f"windows of {size} bytes, {stride} apart")
    except (IndexError, ValueError) as error:
        raise DataError(
            f"{folder / LABELS}, line {number}: {', '.join(row)[:80]!r} is no file with its class ({error})",
            hint="a line is: file, number of classes, class; for ad01 then the bytes of a window and its stride",
        ) from error
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DataError(f"{folder / name} cannot be read: {error.strerror}", hint=f"{LABELS} names it") from error
    windows = tuple(content[start : start + size] for start in range(0, len(content) - size + 1, stride))
    if size != input_bytes or not windows or (len(row) == 3 and len(content) != size):
        raise DataError(
            f"{folder / name} has {len(content):,} B, {size:,} of them an input; the device takes {input_bytes:,}",
            hint="is the data set another model's? --model-id chooses what the device takes",
        )
    return LabelledFile(name, label, windows)
