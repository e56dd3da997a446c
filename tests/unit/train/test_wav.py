"""Sound files as recorders and libraries write them, against what was written."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.train.forms.wav import read_wav

VALUES = np.array([[-1.0, 0.5], [0.25, -0.25], [0.0, 0.75]])


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav(
    samples: bytes, codec: int, bits: int, extensible: bool = False, channels: int = 2, before: bytes = b""
) -> bytes:
    frame = channels * bits // 8
    header = struct.pack("<HHIIHH", 0xFFFE if extensible else codec, channels, 8_000, 8_000 * frame, frame, bits)
    if extensible:
        header += struct.pack("<HHIH", 22, bits, 3, codec) + bytes(14)
    content = b"WAVE" + chunk(b"fmt ", header) + before + chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def integers(bits: int) -> bytes:
    steps = np.round(VALUES * (1 << (bits - 1))).astype("<i4")
    if bits == 8:
        return (steps + 128).astype(np.uint8).tobytes()
    return steps.reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_integers(bits: int, extensible: bool) -> None:
    sound = read_wav(wav(integers(bits), 1, bits, extensible, before=chunk(b"LIST", b"odd")))
    assert sound.rate_hz == 8_000
    assert np.array_equal(sound.values, VALUES.astype(np.float32))


@pytest.mark.parametrize("bits", [32, 64])
def test_floats(bits: int) -> None:
    assert np.array_equal(read_wav(wav(VALUES.astype(f"<f{bits // 8}").tobytes(), 3, bits)).values, VALUES)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_file_from_a_pipe_goes_to_its_end(size: int) -> None:
    whole = wav(integers(16), 1, 16)
    at = whole.index(b"data") + 4
    assert np.array_equal(read_wav(whole[:at] + struct.pack("<I", size) + whole[at + 4 :]).values, VALUES)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin as a .wav"),
        (b"RIFF\0\0\0\0WAVE", "holds no samples"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"12"), "before their format"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", b"12") + chunk(b"data", b"12"), "format is cut off"),
        (wav(b"1234", 7, 8), "compressed: mu-law"),
        (wav(b"1234", 77, 8), "compressed: codec 77"),
        (wav(b"1234", 1, 12), "of 12 bits"),
        (wav(b"1234", 1, 16, channels=0), "0 channels"),
        (wav(integers(16), 1, 16)[:-2], "cut off: 10 of 12 B"),
        (wav(np.array([np.nan, 0], "<f4").tobytes(), 3, 32), "NaN"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_wav(data)


@given(st.integers(0, 60), st.binary(max_size=8))
def test_damage_never_does_more_than_raise_value_error(place: int, bytes_: bytes) -> None:
    whole = wav(integers(16), 1, 16)
    with contextlib.suppress(ValueError):
        read_wav(whole[:place] + bytes_ + whole[place + len(bytes_) :])
