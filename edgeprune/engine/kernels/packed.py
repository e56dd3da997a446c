"""Weights packed in flash (`firmware/include/ep_packed.h`): where they are not zero, and what they are there.

Codes state the taps of a kernel that are not zero. There is a table of such masks where few different ones occur, so
whole kernels that are zero, and patterns inside them, take a bit or a few for each; single zeros take a bit a weight.
Values are int8, or 4-bit places in a book of 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOK_VALUES = 16
_MOST_TABLE_BITS = 4
MOST_TAPS = 25  # bits that are read at once
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Packed:
    """A layer's weights as they lie in flash.

    Attributes:
        stream: filters one after the other.
        masks: (n,) uint32 that codes index; None where codes are masks themselves, and where there are none.
        book: (16,) int8; None for int8 values.
        bits: of a code.
        most_weights: of one filter, those that are stored.
        weights: of all filters.
    """

    stream: Bytes
    masks: NDArray[np.uint32] | None
    book: NDArray[np.int8] | None
    bits: int
    most_weights: int
    weights: int

    @property
    def is_plain(self) -> bool:
        """Every weight is stored, in a byte."""
        return self.bits == 0 and self.book is None

    @property
    def size_bytes(self) -> int:
        tables = 0 if self.masks is None else self.masks.nbytes
        return self.stream.size + tables + (0 if self.book is None else BOOK_VALUES)


def pack(kernels: NDArray[np.int8]) -> Packed:
    """(filters, inputs, taps) int8, at most 25 taps -> the smallest of the ways to store them."""
    return min((_stored(kernels, way) for way in _ways(kernels)), key=lambda packed: packed.size_bytes)


@dataclass(frozen=True, eq=False)
class _Way:
    """stored: (filters, inputs) uint32, the taps of each kernel that have a value in flash; codes: that encode it."""

    stored: NDArray[np.uint32]
    codes: NDArray[np.uint32]
    masks: NDArray[np.uint32] | None
    bits: int


def _ways(kernels: NDArray[np.int8]) -> list[_Way]:
    taps = kernels.shape[2]
    kept = ((kernels != 0) << np.arange(taps, dtype=np.uint32)).sum(axis=2).astype(np.uint32)
    ways = [_Way(np.full_like(kept, (1 << taps) - 1), kept, None, 0), _Way(kept, kept, None, taps)]
    return ways + [_by_table(kept, taps, bits) for bits in range(1, min(taps, _MOST_TABLE_BITS + 1))]


def _by_table(kept: NDArray[np.uint32], taps: int, bits: int) -> _Way:
    """The masks that occur most, and the full one: each kernel gets the smallest that covers its own.

    Zeros that a mask covers are stored: int8 rounds some of a kernel's weights to zero.
    """
    distinct, place, counts = np.unique(kept, return_inverse=True, return_counts=True)
    full = (1 << taps) - 1
    usual = [mask for mask in distinct[np.argsort(-counts, kind="stable")] if mask != full][: (1 << bits) - 1]
    masks = np.array([*usual, full], np.uint32)
    sizes = ((masks[:, None] >> np.arange(taps, dtype=np.uint32)) & 1).sum(axis=1)
    covers = (distinct[:, None] & ~masks[None, :]) == 0
    codes = np.where(covers, sizes[None, :], taps + 1).argmin(axis=1).astype(np.uint32)[place.reshape(kept.shape)]
    return _Way(masks[codes], codes, masks, bits)


def _stored(kernels: NDArray[np.int8], way: _Way) -> Packed:
    rows = kernels.reshape(len(kernels), -1)
    taps = np.arange(kernels.shape[2], dtype=np.uint32)
    stored = ((way.stored[:, :, None] >> taps) & 1).astype(np.bool_).reshape(rows.shape)
    present = np.unique(rows[stored])
    book = None
    if len(present) <= BOOK_VALUES:
        book = np.zeros(BOOK_VALUES, np.int8)
        book[: len(present)] = present
    counts = stored.sum(axis=1)
    parts: list[Bytes] = []
    for filter_number, row in enumerate(rows):
        if way.bits:
            parts.append(_bits_of(way.codes[filter_number], way.bits))
        values = row[stored[filter_number]]
        parts.append(values.view(np.uint8) if book is None else _halves(np.searchsorted(present, values)))
    return Packed(np.concatenate(parts), way.masks, book, way.bits, int(counts.max(initial=0)), int(counts.sum()))


def _bits_of(codes: NDArray[np.uint32], bits: int) -> Bytes:
    """Each code's bits, lowest first, up to a whole byte."""
    each = (codes[:, None] >> np.arange(bits, dtype=np.uint32)) & 1
    return np.packbits(each.reshape(-1).astype(np.bool_), bitorder="little")


def _halves(places: NDArray[np.intp]) -> Bytes:
    """Two a byte, the first one low."""
    padded = np.pad(places, (0, len(places) % 2)).astype(np.uint8)
    return np.asarray(padded[0::2] | padded[1::2] << 4, np.uint8)
