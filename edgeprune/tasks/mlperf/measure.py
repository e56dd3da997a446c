"""The measurements of MLPerf Tiny on a device that runs our console, by the verbs of the standard alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from edgeprune.device.console.console import Console
from edgeprune.errors import DeviceError
from edgeprune.progress import Progress
from edgeprune.tasks.mlperf.data_set import LabelledFile

WINDOWS, WINDOW_S = 5, 10.0
_MARGIN = 1.002  # inferences are not equally long on a board
_BYTES_A_COMMAND = 31
_INFERENCE_TIMEOUT_S = 900.0  # an emulated board may take its time
_LAP = re.compile(r"m-lap-us-([0-9]+)")
_RESULTS = re.compile(r"m-results-\[([^]]+)\]")


@dataclass(frozen=True)
class Window:
    """inferences: in one go; runtime_us: what they took by the device's clock."""

    inferences: int
    runtime_us: int

    @property
    def per_second(self) -> float:
        return self.inferences * 1e6 / self.runtime_us


@dataclass(frozen=True)
class Scored:
    """What a data set gave.

    Attributes:
        metric: "Top-1" in per cent, "AUC" where the device answers one score.
        value: of `metric`.
        files: how many.
    """

    metric: str
    value: float
    files: int


def measured_windows(console: Console, sample: bytes, progress: Progress) -> list[Window]:
    """Windows of equally many inferences, each at least as long as the standard asks, the input loaded before each.

    Raises:
        DeviceError: the device answers otherwise than the standard defines.
    """
    _load(console, sample)
    inferences, runtime_us = 1, _infer(console, 1, 1)[1]
    while True:
        inferences = max(ceil(inferences * _MARGIN * WINDOW_S * 1e6 / max(runtime_us, 1)), inferences + 1)
        windows = []
        with progress.task(f"{WINDOWS} windows of {inferences:,} inferences", WINDOWS) as task:
            for _ in range(WINDOWS):
                _load(console, sample)
                _, runtime_us = _infer(console, inferences, 1)
                if runtime_us < WINDOW_S * 1e6:  # one alone was timed too coarsely, or it was a slow one
                    break
                windows.append(Window(inferences, runtime_us))
                task.advance()
        if len(windows) == WINDOWS:
            return windows


def median_per_second(windows: Sequence[Window]) -> float:
    return median(window.per_second for window in windows)


def scored_files(console: Console, files: Sequence[LabelledFile], progress: Progress) -> Scored:
    """Each window of each file once; a file's results are the means over its windows.

    Raises:
        DeviceError: the device answers otherwise than the standard defines.
    """
    results: list[tuple[int, list[float]]] = []
    with progress.task("files of the data set", len(files)) as task:
        for file in files:
            rows = []
            for window in file.windows:
                _load(console, window)
                rows.append(_infer(console, 1, 0)[0])
            results.append((file.label, [fmean(column) for column in zip(*rows, strict=True)]))
            task.advance()
    if len(results[0][1]) == 1:
        return Scored("AUC", _area_under_curve([(label, row[0]) for label, row in results]), len(results))
    right = sum(max(range(len(row)), key=row.__getitem__) == label for label, row in results)
    return Scored("Top-1", 100 * right / len(results), len(results))


def _area_under_curve(scored: Sequence[tuple[int, float]]) -> float:
    """How often a file of class 1 scores above one of class 0, ties counting half; there are files of both."""
    ones, zeros = ([score for label, score in scored if label == wanted] for wanted in (1, 0))
    return fmean((one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros)


def _load(console: Console, sample: bytes) -> None:
    if _answered(console, f"db load {len(sample)}") != [f"m-[Expecting {len(sample)} bytes]"]:
        raise DeviceError("'db load' is answered otherwise than the standard defines", hint="see docs/console.md")
    done: list[str] = []
    for start in range(0, len(sample), _BYTES_A_COMMAND):
        done += _answered(console, f"db {sample[start : start + _BYTES_A_COMMAND].hex()}")
    if done != ["m-load-done"]:
        raise DeviceError(f"after {len(sample):,} bytes the device sends {done[:3]}", hint="try again: bytes were lost")


def _infer(console: Console, iterations: int, warmups: int) -> tuple[list[float], int]:
    """Results, and microseconds from the first lap to the second."""
    lines = _answered(console, f"infer {iterations} {warmups}", _INFERENCE_TIMEOUT_S)
    laps = [int(match[1]) for line in lines if (match := _LAP.fullmatch(line))]
    found = [match[1] for line in lines if (match := _RESULTS.fullmatch(line))]
    if len(laps) != 2 or len(found) != 1 or laps[1] < laps[0]:
        raise DeviceError(f"'infer' is answered {lines[:8]}", hint="see docs/console.md for what the standard defines")
    return [float(word) for word in found[0].split(",")], laps[1] - laps[0]


def _answered(console: Console, command: str, timeout_s: float | None = None) -> list[str]:
    lines = console.command(command, timeout_s)
    if refused := [line for line in lines if line.startswith("e-")]:
        raise DeviceError(f"'{command[:40]}' is refused: {refused[0]}", hint="try again; if it stays so, report it")
    return lines
