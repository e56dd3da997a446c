"""What MLPerf Tiny's runner does with a device, written from MLCommons' documents and docs/console.md's first table.

    edgeprune build ic01_int8.tflite --target mps2-an386 --model-id ic01 --out build/ic01
    edgeprune emulate build/ic01 --target mps2-an386 &           # prints the port
    python benchmarks/runner_client.py PORT DATASETS --mode a    # accuracy, or AUC
    python benchmarks/runner_client.py PORT DATASETS --mode p    # performance: 5 windows of 10 s

DATASETS is laid out as MLCommons lays out its own: a folder a model, in it `y_labels.csv` with a line a file (name,
number of classes, class; for ad01 also the bytes of a window and from one window to the next) and the files, whose
bytes are sent as they are. Nothing but the standard library is imported. Exit 1 when an answer is not what the runner
matches.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import select
import statistics
import sys
import termios
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMAND_S, INFER_S = 5.0, 30.0
BYTES_A_COMMAND = 31
WINDOWS, WINDOW_S, MARGIN = 5, 10.0, 1.001
PROFILE = re.compile(r"^m-profile-\[([^]]+)]$")
MODEL = re.compile(r"^m-model-\[([^]]+)]$")
NAME = re.compile(r"^m-name-dut-\[([^]]+)]$")
LAP = re.compile(r"^m-lap-us-([0-9]+)$")
RESULTS = re.compile(r"^m-results-\[([^]]+)\]$")


class Unexpected(Exception):
    """The device sent something other than the standard defines."""


class Runner:
    """The runner's end of a serial port."""

    def __init__(self, path: str):
        self._port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._port)
        settings = termios.tcgetattr(self._port)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self._port, termios.TCSANOW, settings)
        termios.tcflush(self._port, termios.TCIOFLUSH)
        self._pending = b""

    def ask(self, command: str, timeout_s: float = COMMAND_S) -> list[str]:
        """The lines of a reply, m-ready left out."""
        os.write(self._port, command.encode("ascii") + b"%")
        lines = []
        deadline_s = time.monotonic() + timeout_s
        while (line := self._line(deadline_s)) != "m-ready":
            if line.startswith("e-"):
                raise Unexpected(f"'{command}' is answered {line}")
            lines.append(line)
        return lines

    def _line(self, deadline_s: float) -> str:
        while b"\r\n" not in self._pending:
            if not select.select([self._port], [], [], max(deadline_s - time.monotonic(), 0.0))[0]:
                raise Unexpected(f"no answer in time; so far {self._pending[:80]!r}")
            self._pending += os.read(self._port, 4096)
        line, _, self._pending = self._pending.partition(b"\r\n")
        return line.decode("ascii")

    def one(self, pattern: re.Pattern[str], lines: list[str]) -> str:
        """What the pattern finds, in exactly one of the lines."""
        matches = [match[1] for line in lines if (match := pattern.match(line))]
        if len(matches) != 1:
            raise Unexpected(f"{pattern.pattern} is in {len(matches)} of the lines {lines[:8]}")
        return matches[0]

    def load(self, inputs: bytes) -> None:
        if self.ask(f"db load {len(inputs)}") != [f"m-[Expecting {len(inputs)} bytes]"]:
            raise Unexpected("'db load' is not answered with what it expects")
        done: list[str] = []
        for start in range(0, len(inputs), BYTES_A_COMMAND):
            done += self.ask("db " + inputs[start : start + BYTES_A_COMMAND].hex())
        if done != ["m-load-done"]:
            raise Unexpected(f"after {len(inputs)} bytes the device sends {done}")

    def infer(self, iterations: int, warmups: int) -> tuple[list[float], int]:
        """Results, and microseconds between the two laps."""
        lines = self.ask(f"infer {iterations} {warmups}", INFER_S)
        replies = [line for line in lines if not LAP.match(line) and not RESULTS.match(line)]
        wanted = [f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{iterations}", "m-infer-done"]
        laps = [int(match[1]) for line in lines if (match := LAP.match(line))]
        if replies != wanted or len(laps) != 2:
            raise Unexpected(f"'infer' is answered {lines}")
        return [float(value) for value in self.one(RESULTS, lines).split(",")], laps[1] - laps[0]


@dataclass(frozen=True)
class File:
    """One of a data set's: its class, and what is sent of it."""

    name: str
    label: int
    windows: list[bytes]


def data_set(folder: Path, most: int | None) -> Iterator[File]:
    with (folder / "y_labels.csv").open(newline="") as stream:
        for row in list(csv.reader(stream, skipinitialspace=True))[:most]:
            content = (folder / row[0]).read_bytes()
            if len(row) == 3:
                yield File(row[0], int(row[2]), [content])
                continue
            size, stride = int(row[3]), int(row[4])
            starts = range(0, len(content) - size + 1, stride)
            yield File(row[0], int(row[2]), [content[start : start + size] for start in starts])


def identify(runner: Runner) -> str:
    """Every command of the runner before it measures; the model's id."""
    name = runner.one(NAME, runner.ask("name"))
    profile = runner.ask("profile")
    model = runner.one(MODEL, profile)
    first, second = (int(runner.one(LAP, runner.ask("timestamp"))) for _ in range(2))
    if second < first:
        raise Unexpected(f"the clock goes back from {first} to {second} us")
    print(f"device {name}, profile {runner.one(PROFILE, profile)}, model {model}")
    return model


def accuracy(runner: Runner, files: list[File], shows: bool) -> None:
    """Each window of each file once; a file's results are the means over its windows."""
    scored, laps_us = [], []
    for file in files:
        rows = []
        for window in file.windows:
            runner.load(window)
            results, lap_us = runner.infer(1, 0)
            if [float(value) for value in runner.one(RESULTS, runner.ask("results")).split(",")] != results:
                raise Unexpected("'results' gives other values than 'infer'")
            if shows:
                print(f"{file.name} {','.join(f'{value:.3f}' for value in results)}")
            rows.append(results)
            laps_us.append(lap_us)
        scored.append((file.label, [statistics.fmean(column) for column in zip(*rows, strict=True)]))
    print(f"an inference: {min(laps_us):,} to {max(laps_us):,} us by the device's clock")
    if len(scored[0][1]) == 1:
        print(f"{len(scored)} files, AUC {area_under_curve([(label, score[0]) for label, score in scored]):.3f}")
    else:
        right = sum(max(range(len(row)), key=row.__getitem__) == label for label, row in scored)
        print(f"{len(scored)} files, accuracy {100 * right / len(scored):.1f} %")


def area_under_curve(scored: list[tuple[int, float]]) -> float:
    """How often a file of class 1 scores above one of class 0; ties count half."""
    ones, zeros = ([score for label, score in scored if label == wanted] for wanted in (1, 0))
    above = sum((one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros)
    return above / (len(ones) * len(zeros))


def performance(runner: Runner, file: File) -> None:
    """Inferences a second, the median of windows that last long enough by the device's clock."""
    runner.load(file.windows[0])
    _, ten_us = runner.infer(10, 1)
    count = int(10 * MARGIN * WINDOW_S * 1e6 / max(ten_us, 1)) + 1
    rates = []
    for _ in range(WINDOWS):
        runner.load(file.windows[0])
        _, lap_us = runner.infer(count, 1)
        rates.append(count * 1e6 / lap_us)
    print(f"{WINDOWS} windows of {count:,} inferences, median {statistics.median(rates):.3f} inferences/s")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("data_sets", type=Path)
    parser.add_argument("--mode", choices=["a", "p"], default="a")
    parser.add_argument("--files", type=int, help="so many of the data set's alone")
    parser.add_argument("--show", action="store_true", help="print each result")
    options = parser.parse_args()
    runner = Runner(options.port)
    began_s = time.monotonic()
    try:
        files = list(data_set(options.data_sets / identify(runner), options.files))
        if options.mode == "a":
            accuracy(runner, files, options.show)
        else:
            performance(runner, files[0])
    except Unexpected as error:
        print(f"not to the letter: {error}")
        return 1
    print(f"{time.monotonic() - began_s:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
