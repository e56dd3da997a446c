"""What a standard MLPerf Tiny runner does with a device, written from docs/console.md's first table alone.

    edgeprune build kws01_int8.tflite --target mps2-an386 --model-id kws01 --out build/kws01
    edgeprune emulate build/kws01 --target mps2-an386 &          # prints the port
    python benchmarks/runner_client.py PORT kws01 kws01_samples.npz [--samples 500]

Nothing of the package is imported: the standard library for the port, numpy for the samples (`x` int8, `y` labels).
Exit 1 when an answer is not what the standard's runner matches.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import sys
import termios
import time
import tty

import numpy as np

COMMAND_S, INFER_S = 5.0, 30.0
BYTES_A_COMMAND = 31
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


def check_verbs(runner: Runner, model_id: str) -> None:
    """Every command of the runner before it measures."""
    name = runner.one(NAME, runner.ask("name"))
    profile = runner.ask("profile")
    model = runner.one(MODEL, profile)
    if model != model_id:
        raise Unexpected(f"the model is {model}, not {model_id}")
    first, second = (int(runner.one(LAP, runner.ask("timestamp"))) for _ in range(2))
    if second < first:
        raise Unexpected(f"the clock goes back from {first} to {second} us")
    print(f"device {name}, profile {runner.one(PROFILE, profile)}, model {model}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("model_id")
    parser.add_argument("samples_file")
    parser.add_argument("--samples", type=int, default=500)
    options = parser.parse_args()
    data = np.load(options.samples_file)
    inputs, labels = data["x"][: options.samples], data["y"][: options.samples]
    runner = Runner(options.port)
    began_s = time.monotonic()
    try:
        check_verbs(runner, options.model_id)
        right, laps_us = 0, []
        for sample, label in zip(inputs, labels, strict=True):
            runner.load(sample.tobytes())
            results, lap_us = runner.infer(1, 0)
            again = [float(value) for value in runner.one(RESULTS, runner.ask("results")).split(",")]
            if again != results:
                raise Unexpected("'results' gives other values than 'infer'")
            right += int(np.argmax(results)) == label
            laps_us.append(lap_us)
        _, five_us = runner.infer(5, 2)
    except Unexpected as error:
        print(f"not to the letter: {error}")
        return 1
    print(f"{len(labels)} samples in {time.monotonic() - began_s:.0f} s, accuracy {100 * right / len(labels):.1f} %")
    spread = f"{min(laps_us):,} to {max(laps_us):,} us"
    print(f"an inference: {spread} by the device's clock; 5 after 2 warm-ups {five_us:,} us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
