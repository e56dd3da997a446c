"""Recordings in class folders, cut into windows: accelerometers and ECG as `.csv`, sound as `.wav`.

A recording goes into one split whole: windows of one recording are alike, and figures on windows whose neighbours were
trained on would not hold for new recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeprune.errors import DataError
from edgeprune.files.bounded import ARCHIVE_FAULTS, Unreadable
from edgeprune.project.spectrogram import SpectrogramTable, front_end, spectrograms
from edgeprune.train.forms.class_folders import Member, in_splits, members_of, reader
from edgeprune.train.forms.wav import read_wav

SUFFIXES = (".csv", ".wav")
_FEWEST_TO_HOLD_OUT = 5  # recordings of a class
_TEST_SHARE, _VALIDATION_SHARE = 0.2, 0.1
_SEED = 20_260_101  # as for samples (`splits.py`)
_FAULTS = (*ARCHIVE_FAULTS, Unreadable)


def load_recordings(path: Path, shape: tuple[int, ...], step: int | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (windows (N, C, T) float32, labels (N,) int64).

    A `.csv` has a row for each moment and a column for each channel (`_csv`); a `.wav`
    PCM samples, which become -1..1. Without split folders a fifth of each class's recordings is for testing and a tenth
    for validation, where there are five and more.

    Args:
        path: a folder or a `.zip` (`class_folders.py`).
        shape: (channels, moments) of a window.
        step: moments from one window's begin to the next one's; None for as many as a window has.

    Raises:
        DataError: no recordings, an unreadable one, one of other channels or another rate, or shorter than a window.
    """
    if len(shape) != 2:
        raise DataError(f"recordings cannot feed an input of {shape}", hint="[model] input must be [channels, moments]")
    members, windows = list[Member](), list[np.ndarray]()
    channels, moments = shape
    for member, recording in _recordings(path, SUFFIXES, dict[int, str]()):
        if len(recording) < moments or recording.shape[1] != channels:
            raise DataError(
                f"{member.name} is {len(recording):,} moments of {recording.shape[1]} channels, the model takes "
                f"windows of {moments:,} of {channels}",
                hint="remove it, or set [model] input to [channels, moments]",
            )
        for window in _windows(recording, moments, step or moments):
            windows.append(window.T)
            members.append(member)
    return in_splits(np.stack(windows), members)


def load_spectrograms(
    path: Path, shape: tuple[int, ...], step: int | None, table: SpectrogramTable
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Split name -> (log-mel spectrograms (N, ...) float32 of the model's input, labels (N,) int64).

    A recording that is shorter than the frames take is silent at its end.

    Args:
        shape: (mel_bands, frames) or (1, mel_bands, frames).
        step: samples from one window's begin to the next one's; None for as many as a window has.

    Raises:
        DataError: no `.wav`, an unreadable one, one of several channels or another rate.
    """
    members, windows = list[Member](), list[np.ndarray]()
    samples, end = table.samples_for(shape[-1]), front_end(table)
    for member, recording in _recordings(path, (".wav",), {table.sample_rate_hz: "[data.spectrogram]"}):
        if recording.shape[1] != 1:
            raise DataError(
                f"{member.name} has {recording.shape[1]} channels; a spectrogram is of one",
                hint="mix them down to one: the mean of the channels",
            )
        padded = np.pad(recording, ((0, max(0, samples - len(recording))), (0, 0)))
        for window in _windows(padded, samples, step or samples):
            windows.append(spectrograms(end, np.ascontiguousarray(window.T)).reshape(shape))
            members.append(member)
    return in_splits(np.stack(windows), members)


def _recordings(path: Path, suffixes: tuple[str, ...], rates: dict[int, str]) -> Iterator[tuple[Member, np.ndarray]]:
    """Each recording, (moments, channels) float32, and the split and class it belongs to.

    Args:
        rates: sample rate -> what has it; of one entry at most, added to.
    """
    with ExitStack() as stack:
        read = reader(path, stack)
        for member in _held_out(members_of(path, suffixes, "recordings")):
            yield member, _recording(member.name, read, rates)


def _windows(recording: np.ndarray, moments: int, step: int) -> Iterator[np.ndarray]:
    for begin in range(0, len(recording) - moments + 1, step):
        yield recording[begin : begin + moments]


def _held_out(members: list[Member]) -> list[Member]:
    """Recordings put into splits, where their folders say nothing."""
    if any(member.split != "train" for member in members):
        return members
    generator, placed = np.random.default_rng(_SEED), []
    for label in sorted({member.label for member in members}):
        mine = [member for member in members if member.label == label]
        if len(mine) < _FEWEST_TO_HOLD_OUT:
            raise DataError(
                f"class '{label}' has {len(mine)} recordings, too few to hold some out for testing",
                hint=f"{_FEWEST_TO_HOLD_OUT} or more a class, or folders train/<class>/ and test/<class>/",
            )
        tested = max(1, round(_TEST_SHARE * len(mine)))
        validated = tested + max(1, round(_VALIDATION_SHARE * len(mine)))
        for place, index in enumerate(generator.permutation(len(mine))):
            split = "test" if place < tested else "validation" if place < validated else "train"
            placed.append(replace(mine[index], split=split))
    return placed


def _recording(name: str, read: Callable[[str], bytes], rates: dict[int, str]) -> np.ndarray:
    """(moments, channels) float32."""
    try:
        if name.lower().endswith(".csv"):
            return _csv(read(name).decode("utf-8-sig"))
        return _wav(name, read(name), rates)
    except _FAULTS as problem:
        raise DataError(
            f"{name} is no readable recording: {problem}",
            hint="numbers between commas, semicolons or tabs, or a PCM .wav; or remove it",
        ) from problem


def _csv(text: str) -> np.ndarray:
    """(moments, channels) float32 of cells between commas, semicolons, tabs or blanks, with a line of names or without.

    Raises:
        ValueError: cells that are no finite numbers, rows of different lengths; the line is named.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    separator = next((one for one in ("\t", ";", ",") if one in lines[len(lines) // 2][1]), None)
    if not any(_is_number(cell) for cell in _cells(lines[0][1], separator)):
        lines = lines[1:]
    try:
        values = np.loadtxt([line for _, line in lines], np.float32, comments=None, delimiter=separator, ndmin=2)
    except ValueError:
        return _cell_by_cell(lines, separator)
    return values if np.isfinite(values).all() else _cell_by_cell(lines, separator)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _cell_by_cell(lines: list[tuple[int, str]], separator: str | None) -> np.ndarray:
    """As `_csv`, of what NumPy does not read: it names the line, or reads what stands in quotes."""
    values: list[list[float]] = []
    for number, line in lines:
        cells = _cells(line, separator)
        if values and len(cells) != len(values[0]):
            raise ValueError(f"line {number} has {len(cells)} cells, the first {len(values[0])}")
        strange = next((cell for cell in cells if not _is_number(cell) or not np.isfinite(float(cell))), None)
        if strange is not None:
            decimal = ": decimals take a point" if separator == ";" and "," in strange else ""
            raise ValueError(f"line {number} holds {strange!r}, no finite number{decimal}")
        values.append([float(cell) for cell in cells])
    return np.array(values, np.float32, ndmin=2)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _wav(name: str, data: bytes, rates: dict[int, str]) -> np.ndarray:
    sound = read_wav(data)
    rates.setdefault(sound.rate_hz, name)
    if len(rates) > 1:
        told = " and ".join(f"{rate:,} Hz in {first}" for rate, first in rates.items())
        raise DataError(f"recordings of different rates: {told}", hint="resample them to one")
    return sound.values
