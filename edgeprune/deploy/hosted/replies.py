"""What `firmware/hosted/main.c` prints, read without trust: nothing counts that is not whole."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import DeviceError

_MAGIC = b"EPOK"
_TRAILER_BYTES = 16
_HINT = "the link was cut, or something else printed there: run it again"


@dataclass(frozen=True)
class Times:
    """Of one program on one machine.

    Attributes:
        run_ns: each inference, in order.
        layer_ns: (runs, layers), each layer by itself.
        core: the processor core it ended on.
        before, after: state of the machine by name: governor, frequency, temperature, throttling, battery.
        peak_rss_bytes: most memory the process had resident; None where the machine does not tell.
        threads: of the process, after its inferences; None where the program or the machine does not tell.
    """

    run_ns: tuple[int, ...]
    layer_ns: np.ndarray
    core: int
    before: Mapping[str, str]
    after: Mapping[str, str]
    peak_rss_bytes: int | None
    threads: int | None = None


def lines_of(output: bytes, name: str) -> list[list[str]]:
    """Words of each line before `end COUNT CRC`.

    Raises:
        DeviceError: there are others than COUNT of them, or they have another checksum.
    """
    start = output.rstrip(b"\n").rfind(b"\n") + 1
    lines = [line.split() for line in output[:start].decode("utf-8", "replace").splitlines()]
    end = output[start:].decode("utf-8", "replace").split()
    if end != ["end", str(len(lines)), str(zlib.crc32(output[:start]))]:
        raise DeviceError(f"{name}: the program's report is not whole ({len(lines)} lines)", hint=_HINT)
    return lines


def values_of(output: bytes, name: str) -> dict[str, str]:
    """Lines `name value`."""
    return {words[0]: " ".join(words[1:]) for words in lines_of(output, name) if words}


def read_outputs(output: bytes, inputs: bytes, samples: int, name: str) -> np.ndarray:
    """Reply to `run`: (samples, bytes) uint8.

    Args:
        inputs: all that was sent.

    Raises:
        DeviceError: something is missing or was changed on the way.
    """
    body, trailer = output[:-_TRAILER_BYTES], output[-_TRAILER_BYTES:]
    if len(trailer) < _TRAILER_BYTES or not trailer.startswith(_MAGIC):
        raise DeviceError(f"{name}: outputs end after {len(output):,} B without their trailer", hint=_HINT)
    count, in_crc, out_crc = (int(word) for word in np.frombuffer(trailer[4:], "<u4"))
    if count != samples or samples == 0 or len(body) % samples:
        raise DeviceError(f"{name}: {count} samples of {samples} were computed", hint=_HINT)
    if in_crc != zlib.crc32(inputs) or out_crc != zlib.crc32(body):
        raise DeviceError(f"{name}: bytes changed on the way", hint=_HINT)
    return np.frombuffer(body, np.uint8).reshape(samples, -1)


def read_times(output: bytes, layers: int, name: str) -> Times:
    """Reply to `time`.

    Args:
        layers: the program has.

    Raises:
        DeviceError: it is not whole.
    """
    runs, rows = [], []
    states: dict[str, dict[str, str]] = {"before": {}, "after": {}}
    core, peak, threads = 0, 0, 0
    try:
        for words in lines_of(output, name):
            match words:
                case ["run", ns]:
                    runs.append(int(ns))
                case ["layers", *each]:
                    rows.append([int(ns) for ns in each])
                case ["before" | "after" as when, what, *value]:
                    states[when][what] = " ".join(value)
                case ["core", number]:
                    core = int(number)
                case ["peak_rss_bytes", number]:
                    peak = int(number)
                case ["threads", number]:
                    threads = int(number)
        table = np.array(rows, np.int64).reshape(len(rows), layers)
    except ValueError:
        raise DeviceError(f"{name}: the program's report is garbled", hint=_HINT) from None
    if not runs or len(rows) != len(runs):
        raise DeviceError(f"{name}: {len(runs)} inferences and {len(rows)} of their layers were timed", hint=_HINT)
    return Times(tuple(runs), table, core, states["before"], states["after"], peak or None, threads or None)
