"""The meaning of reply lines. Anything that docs/console.md does not allow is a DeviceError.

`device` is the device's name in error messages.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.device.console.fault import describe_fault
from edgeprune.device.links.line_reader import Damaged, Refused
from edgeprune.errors import DeviceError

PROTOCOL_VERSION = 1
_WRAPPED_TICKS = 1 << 30
_CRC_LINE = re.compile(r"m-ep-crc-([0-9a-f]{8})")
_CLOCK = re.compile(r"(instructions|cycles|timer) ([0-9]{1,10})")
_INPUT = re.compile(r"([0-9a-f]{8}) ([0-9]{1,10})")
_LAYER = re.compile(r"m-ep-layer-([0-9]{1,5})-([0-9]{1,20})")
_TOTAL = re.compile(r"m-ep-total-([0-9]{1,20})")
_RESULT = r"(?:nan|-?(?:inf|[0-9]{1,20}\.[0-9]{3}))"
_RESULTS = re.compile(rf"m-results-\[({_RESULT}(?:,{_RESULT})*)\]")


@dataclass(frozen=True)
class DeviceIdentity:
    """What a firmware reports about itself.

    Attributes:
        target: profile it was built for.
        model_hash: first 16 hex digits of the SHA-256 of its .tflite.
        build_id: as `Firmware.build_id`.
        input_address, input_bytes: the buffer that holds all inputs until an inference.
        clock_source: "instructions" (emulated), "cycles" or "timer": the unit of every tick.
        clock_hz: ticks a second.
    """

    target: str
    model_hash: str
    build_id: str
    input_address: int
    input_bytes: int
    clock_source: str
    clock_hz: int


@dataclass(frozen=True)
class LayerTimings:
    """Time per layer in ticks of the device's clock, means over `runs` inferences, rounded.

    Attributes:
        layer_ticks: by layer index, each layer timed by itself.
        total_ticks: a whole inference, timed on its own.
    """

    clock_source: str
    clock_hz: int
    runs: int
    layer_ticks: tuple[int, ...]
    total_ticks: int

    def microseconds(self, ticks: int) -> float:
        return ticks * 1e6 / self.clock_hz


@dataclass(frozen=True)
class DeviceMemory:
    """RAM in bytes as the device measured it.

    Attributes:
        arena_bytes: the model's arena.
        stack_bytes: most stack an inference has taken since boot, from its call down; 0 before the first.
        stack_all_bytes: most stack since boot, console included.
        data_bytes: variables and console buffers.
    """

    arena_bytes: int
    stack_bytes: int
    stack_all_bytes: int
    data_bytes: int


def without_errors(lines: Sequence[str], device: str) -> list[str]:
    """`lines`, if none is an error line.

    Raises:
        Refused: one is.
        DeviceError: one reports a fault; it is explained.
    """
    for line in lines:
        if line.startswith("e-[fault"):
            raise describe_fault(line, device)
        if line.startswith("e-"):
            raise Refused(f"{device} refused: {line[2:].strip('[]')[:200]}")
    return list(lines)


def with_crc(lines: Sequence[str], device: str) -> list[str]:
    """`lines` without the last one, which must hold their CRC.

    Raises:
        Damaged: no CRC, or another.
    """
    match = _CRC_LINE.fullmatch(lines[-1]) if lines else None
    body = list(lines[:-1])
    sent = "".join(f"{line}\r\n" for line in body).encode("ascii")
    if match is None or int(match[1], 16) != zlib.crc32(sent):
        raise Damaged(f"{device} sent a damaged reply", hint="check the cable; a lower baud rate may help")
    return body


def identity_from(lines: Sequence[str], device: str) -> DeviceIdentity:
    """The reply of `ep id`, its CRC taken off."""
    fields = _fields(lines, ("protocol", "target", "model", "build", "input", "clock"), device)
    if fields["protocol"] != str(PROTOCOL_VERSION):
        raise DeviceError(
            f"{device} speaks console protocol {fields['protocol'][:20]}, this EdgePrune speaks {PROTOCOL_VERSION}",
            hint="flash a firmware built with this version",
        )
    target, model, build, buffer_text, clock_text = (_bracketed(text, device) for text in list(fields.values())[1:])
    buffer, clock = _INPUT.fullmatch(buffer_text), _CLOCK.fullmatch(clock_text)
    if buffer is None or clock is None or int(clock[2]) == 0:
        raise _unexpected(f"{buffer_text} {clock_text}", device)
    return DeviceIdentity(target, model, build, int(buffer[1], 16), int(buffer[2]), clock[1], int(clock[2]))


def memory_from(lines: Sequence[str], device: str) -> DeviceMemory:
    """The reply of `ep memory`, its CRC taken off."""
    fields = _fields(lines, ("arena", "stack", "stack-all", "data"), device)
    return DeviceMemory(*(_number(text, device) for text in fields.values()))


def layers_from(lines: Sequence[str], runs: int, clock: DeviceIdentity, device: str) -> LayerTimings:
    """The reply of `ep layers RUNS`, its CRC taken off."""
    if len(lines) % runs != 0 or len(lines) < runs:
        raise Damaged(f"{device} sent {len(lines)} timing lines for {runs} runs")
    count = len(lines) // runs - 1
    sums = [0] * (count + 1)
    for index, line in enumerate(lines):
        place = index % (count + 1)
        match = _TOTAL.fullmatch(line) if place == count else _LAYER.fullmatch(line)
        if match is None or (place < count and int(match[1]) != place):
            raise _unexpected(line, device)
        sums[place] += int(match[match.lastindex or 0])
    means = tuple((value + runs // 2) // runs for value in sums)
    # A 32-bit tick counter that wrapped unseen would show as a total far below its parts. That of an input which left
    # early is below them, too, but not by a thousand million ticks.
    excess = sum(means[:-1]) - means[-1]
    if excess > means[-1] and excess > _WRAPPED_TICKS:
        raise DeviceError(
            f"{device}: an inference of {sum(means[:-1]):,} ticks outran its 32-bit tick counter",
            hint="the sum of its layers stands; each of them is timed by itself",
        )
    return LayerTimings(clock.clock_source, clock.clock_hz, runs, means[:-1], means[-1])


def output_from(lines: Sequence[str], device: str) -> tuple[int, bytes]:
    """The reply of `ep output`, its CRC taken off: the CRC of the input it belongs to, the output bytes."""
    if not lines or not re.fullmatch(r"m-ep-input-crc-[0-9a-f]{8}", lines[0]):
        raise _unexpected(lines[0] if lines else "", device)
    digits = []
    for line in lines[1:]:
        match = re.fullmatch(r"m-ep-output-((?:[0-9a-f]{2}){1,32})", line)
        if match is None:
            raise _unexpected(line, device)
        digits.append(match[1])
    return int(lines[0][-8:], 16), bytes.fromhex("".join(digits))


def results_from(lines: Sequence[str], device: str) -> tuple[float, ...]:
    """The reply of `results`, which has no CRC."""
    match = _RESULTS.fullmatch(lines[0]) if len(lines) == 1 else None
    if match is None:
        raise Damaged(f"{device} sent {' '.join(lines)[:80]!r} for results")
    return tuple(float(text) for text in match[1].split(","))


def _fields(lines: Sequence[str], names: Sequence[str], device: str) -> dict[str, str]:
    """`m-ep-NAME-TEXT` lines, exactly these, in this order."""
    if len(lines) != len(names):
        raise Damaged(f"{device} sent {len(lines)} lines where {len(names)} were expected")
    fields = {}
    for line, name in zip(lines, names, strict=True):
        prefix = f"m-ep-{name}-"
        if not line.startswith(prefix):
            raise _unexpected(line, device)
        fields[name] = line.removeprefix(prefix)
    return fields


def _bracketed(text: str, device: str) -> str:
    if not (text.startswith("[") and text.endswith("]") and text[1:-1].isprintable() and len(text) <= 100):
        raise _unexpected(text, device)
    return text[1:-1]


def _number(text: str, device: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise _unexpected(text, device)
    return int(text)


def _unexpected(line: str, device: str) -> Damaged:
    """A line that is no reply to the command sent: the command was damaged on its way, or another firmware answers."""
    return Damaged(f"{device} sent an unexpected line: {line[:80]!r}", hint="is this EdgePrune's firmware?")
