"""Sound in `.wav` files: integers of 8 to 32 bits and floats, as recorders and libraries write them.

Source: Microsoft, "Multiple Channel Audio Data and WAVE Files", 2007, and the chunks of RIFF it builds on. Python's own
`wave` reads no floats, nor the extensible form that 24 bits and several channels have.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_CODECS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 85: "MP3"}
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # of what was written into a pipe
_FOLLOWING = (b"LIST", b"fact", b"id3 ", b"ID3 ", b"cue ", b"bext", b"smpl", b"JUNK")  # chunks behind samples
_FORMAT_BYTES, _CODEC_AT = 16, 24


@dataclass(frozen=True, eq=False)
class Sound:
    """values: (moments, channels) float32, integers scaled to -1..1."""

    rate_hz: int
    values: np.ndarray


def read_wav(data: bytes) -> Sound:
    """Raises ValueError: no `.wav`, cut off, compressed, or of other bits."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it does not begin as a .wav does")
    header, at = b"", 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        begin = at + 8
        if name == b"data":
            if not header:
                raise ValueError("its samples come before their format")
            is_open = size in _UNKNOWN_SIZES and not _is_chunk(data[begin:])
            return _sound(header, data[begin:] if is_open else data[begin : begin + size], size)
        if name == b"fmt ":
            header = data[begin : begin + size]
        at = begin + size + size % 2
    raise ValueError("it holds no samples")


def _is_chunk(rest: bytes) -> bool:
    """Whether another chunk follows, as behind samples of which there are none."""
    return len(rest) >= 8 and rest[:4] in _FOLLOWING and struct.unpack_from("<I", rest, 4)[0] <= len(rest) - 8


def _sound(header: bytes, samples: bytes, stated: int) -> Sound:
    if len(header) < _FORMAT_BYTES:
        raise ValueError("its format is cut off")
    codec, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if codec == _EXTENSIBLE and len(header) >= _CODEC_AT + 2:
        codec = struct.unpack_from("<H", header, _CODEC_AT)[0]
    if codec not in _BITS:
        raise ValueError(f"it is compressed: {_CODECS.get(codec, f'codec {codec}')}; save it as PCM")
    if bits not in _BITS[codec] or channels == 0 or rate == 0:
        raise ValueError(f"{channels} channels at {rate:,} Hz of {bits} bits; 8, 16, 24 and 32 bits are read")
    if stated not in _UNKNOWN_SIZES and len(samples) < stated:
        raise ValueError(f"it is cut off: {len(samples):,} of {stated:,} B of samples are there")
    frame = channels * bits // 8
    values = _values(samples[: len(samples) // frame * frame], codec, bits)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite values")
    return Sound(rate, values.reshape(-1, channels))


def _values(samples: bytes, codec: int, bits: int) -> np.ndarray:
    """(values,) float32."""
    if codec == _FLOAT:
        return np.frombuffer(samples, f"<f{bits // 8}").astype(np.float32)
    if bits == 8:
        return (np.frombuffer(samples, np.uint8).astype(np.float32) - 128) / np.float32(128)
    if bits == 24:  # in the upper bytes of four
        samples, bits = np.pad(np.frombuffer(samples, np.uint8).reshape(-1, 3), ((0, 0), (1, 0))).tobytes(), 32
    found: np.ndarray = np.frombuffer(samples, f"<i{bits // 8}").astype(np.float32) / np.float32(2 ** (bits - 1))
    return found
