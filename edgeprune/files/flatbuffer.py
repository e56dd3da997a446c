"""A flatbuffer from outside, field by field, without believing its offsets.

Every offset is checked before it is followed, and reading spends an allowance of a few visits a byte: vectors longer
than the file, and tables that point at one another over and over, end in `Unreadable`, never in a hang or a huge
allocation.
Format: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from edgeprune.files.bounded import Unreadable

_VISITS_PER_BYTE = 4


class FlatBytes:
    """The bytes of one flatbuffer, and what is left of the allowance."""

    def __init__(self, data: bytes):
        self._data = data
        self._left = _VISITS_PER_BYTE * len(data) + 4096

    def root(self) -> Table:
        return Table(self, self.number(0, "<I"))

    def number(self, at: int, form: str) -> int:
        """One whole number of this `struct` form."""
        size = struct.calcsize(form)
        self.account_for(at, size)
        (value,) = struct.unpack_from(form, self._data, at)
        return int(value)

    def piece(self, at: int, size: int) -> bytes:
        self.account_for(at, size)
        return self._data[at : at + size]

    def account_for(self, at: int, size: int) -> None:
        """Raises Unreadable where these bytes are not in the file, or the allowance is used up."""
        if at < 0 or size < 0 or at + size > len(self._data):
            raise Unreadable(f"it points at byte {at:,}, and has {len(self._data):,}")
        self._left -= size
        if self._left < 0:
            raise Unreadable(f"its {len(self._data):,} B do not hold what its tables claim")


class Table:
    """One table; fields by their number in the schema, unions taking two (type, value)."""

    def __init__(self, flat: FlatBytes, at: int):
        self._flat = flat
        self._at = at
        self._vtable = at - flat.number(at, "<i")
        self._vtable_bytes = flat.number(self._vtable, "<H")

    def number(self, field: int, form: str = "<i", default: int = 0) -> int:
        at = self._field(field)
        return default if at is None else self._flat.number(at, form)

    def real(self, field: int, form: str = "<d") -> float:
        """A float64, or float32 as "<f"; 0 where it is absent."""
        at = self._field(field)
        return 0.0 if at is None else float(struct.unpack(form, self._flat.piece(at, struct.calcsize(form)))[0])

    def table(self, field: int) -> Table | None:
        at = self._target(field)
        return None if at is None else Table(self._flat, at)

    def text(self, field: int) -> str:
        return self.content(field).decode("utf-8", "replace")

    def content(self, field: int) -> bytes:
        """A vector of bytes, or a string."""
        at = self._target(field)
        return b"" if at is None else self._flat.piece(at + 4, self._flat.number(at, "<I"))

    def numbers(self, field: int, form: str = "<i") -> tuple[int, ...]:
        at = self._target(field)
        if at is None:
            return ()
        count, size = self._flat.number(at, "<I"), struct.calcsize(form)
        data = self._flat.piece(at + 4, count * size)
        return tuple(int(value) for (value,) in struct.iter_unpack(form, data))

    def tables(self, field: int) -> Iterator[Table]:
        at = self._target(field)
        for index in range(0 if at is None else self._flat.number(at, "<I")):
            assert at is not None
            entry = at + 4 + 4 * index
            yield Table(self._flat, entry + self._flat.number(entry, "<I"))

    def _field(self, field: int) -> int | None:
        slot = 4 + 2 * field
        if slot + 2 > self._vtable_bytes:
            return None
        offset = self._flat.number(self._vtable + slot, "<H")
        return self._at + offset if offset else None

    def _target(self, field: int) -> int | None:
        at = self._field(field)
        return None if at is None else at + self._flat.number(at, "<I")
