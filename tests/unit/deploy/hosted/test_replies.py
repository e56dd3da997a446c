"""A reply that is not whole counts nothing."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from edgeprune.deploy.hosted.replies import lines_of, read_outputs, read_times
from edgeprune.errors import DeviceError

INPUTS, OUTPUTS = bytes(range(8)), b"abcdef"


def reply(samples: int = 2, inputs: bytes = INPUTS, outputs: bytes = OUTPUTS) -> bytes:
    words = np.array([samples, zlib.crc32(inputs), zlib.crc32(outputs)], "<u4")
    return outputs + b"EPOK" + words.tobytes()


def test_a_whole_reply_is_rows() -> None:
    assert read_outputs(reply(), INPUTS, 2, "pi").tobytes() == OUTPUTS


def test_every_cut_and_every_changed_bit_is_refused() -> None:
    whole = reply()
    for end in range(len(whole)):
        with pytest.raises(DeviceError):
            read_outputs(whole[:end], INPUTS, 2, "pi")
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DeviceError):
            read_outputs(bytes(changed), INPUTS, 2, "pi")


def test_other_inputs_than_were_sent_are_noticed() -> None:
    with pytest.raises(DeviceError, match="changed on the way"):
        read_outputs(reply(inputs=b"other"), INPUTS, 2, "pi")


LINES = (
    b"before governor ondemand\nrun 10\nrun 12\nafter governor ondemand\ncore 3\nlayers 4 5\nlayers 6 7\n"
    b"peak_rss_bytes 4096\n"
)


def report(lines: bytes) -> bytes:
    return lines + b"end %d %d\n" % (lines.count(b"\n"), zlib.crc32(lines))


TIMES = report(LINES)


def test_times() -> None:
    times = read_times(TIMES, 2, "pi")
    assert times.run_ns == (10, 12) and times.layer_ns.tolist() == [[4, 5], [6, 7]]
    assert (times.core, times.peak_rss_bytes, times.before) == (3, 4096, {"governor": "ondemand"})


def test_times_that_are_cut_or_garbled_are_refused() -> None:
    for end in range(len(TIMES) - 1):
        with pytest.raises(DeviceError):
            read_times(TIMES[:end], 2, "pi")
    for position in range(len(LINES)):
        with pytest.raises(DeviceError):
            read_times(TIMES[:position] + bytes([TIMES[position] ^ 1]) + TIMES[position + 1 :], 2, "pi")
    for changed in (LINES.replace(b"run 10", b"run x"), LINES.replace(b"layers 4 5", b"layers 4"), b""):
        wrong = report(changed)
        with pytest.raises(DeviceError):
            read_times(wrong, 2, "pi")


def test_a_banner_before_the_report_is_noticed() -> None:
    with pytest.raises(DeviceError, match="not whole"):
        lines_of(b"Welcome!\n" + report(b"model m\n"), "pi")
