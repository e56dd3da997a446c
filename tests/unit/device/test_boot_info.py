"""A bootloader's description of itself, damaged in any way, is refused; only its own CRC validates it."""

from __future__ import annotations

import re
import struct
import zlib
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.device.links.line_reader import Damaged
from edgeprune.device.loaders.boot_info import INFO_BYTES, VERDICT_WORDS, State, Verdict, boot_info
from edgeprune.errors import DeviceError

BOOT = Path(__file__).resolve().parents[3] / "firmware" / "boot"


def a_record(state: int = 4, verdict: int = 6, version: int = 2, target: bytes = b"a-board", ordered: int = 0) -> bytes:
    body = struct.pack(
        "<I4B4I32s3BxII32sII32s32sI", 0x49425045, version, 2, state, 1, 0x2100_8000, 786_432, 16_384, 512, target,
        0, verdict, ordered, 3, 1000, b"r" * 32, 4, 2000, b"w" * 32, bytes(32), 7,
    )  # fmt: skip
    return body + struct.pack("<I", zlib.crc32(body))


def test_a_record_is_read() -> None:
    info = boot_info(a_record())
    assert (info.slots, info.state, info.detail) == (2, State.TRIAL, 1)
    assert (info.slot_origin, info.slot_bytes, info.page_bytes, info.header_bytes) == (
        0x2100_8000,
        786_432,
        16_384,
        512,
    )
    assert (info.target, info.public_key, info.minimum_version) == ("a-board", None, None)
    assert boot_info(a_record(ordered=1)).minimum_version == 7
    assert (info.running.verdict, info.running.version, info.running.digest) == (Verdict.GOOD, 3, b"r" * 32)
    assert (info.written.verdict, info.written.payload_bytes) == (Verdict.DIGEST, 2000)


@pytest.mark.parametrize(
    ("header", "prefix", "known"), [("journal.h", "STATE", State), ("application.h", "APPLICATION", Verdict)]
)
def test_words_of_the_loader_are_those_of_its_c(header: str, prefix: str, known: type[IntEnum]) -> None:
    text = (BOOT / header).read_text()
    assert {name: int(value) for name, value in re.findall(rf"^    {prefix}_(\w+) = (\d+),", text, re.M)} == {
        one.name: one.value for one in known
    }


def test_every_verdict_has_words() -> None:
    assert set(VERDICT_WORDS) == set(Verdict)


@given(st.integers(0, INFO_BYTES * 8 - 1))
def test_a_flipped_bit_is_damage(bit: int) -> None:
    record = bytearray(a_record())
    record[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        boot_info(bytes(record))


@given(st.binary(max_size=2 * INFO_BYTES))
def test_any_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(DeviceError):
        boot_info(data)


@given(st.binary(min_size=INFO_BYTES - 4, max_size=INFO_BYTES - 4))
def test_any_record_with_a_right_crc_is_read_or_refused(body: bytes) -> None:
    with pytest.raises(DeviceError):
        boot_info(body + struct.pack("<I", zlib.crc32(body)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": 9},
        {"verdict": 200},
        {"version": 1},
        {"target": b"\xff" * 32},
        {"target": b"a\x1b[2J"},
        {"target": b""},
    ],
)
def test_values_no_loader_has_are_refused(wrong) -> None:
    with pytest.raises(DeviceError, match="describes itself"):
        boot_info(a_record(**wrong))
