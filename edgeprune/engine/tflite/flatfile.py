"""Reads of a flatbuffer that a broken or hostile file cannot turn into a crash, a hang or a huge allocation.

The generated accessors follow whatever offsets the file holds. Everything that iterates goes through `FlatFile`, which
allows each byte of the file to be visited a few times and no more: vectors longer than the file, and tables that point
at one another over and over, run out of that allowance.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import flatbuffers.table
import numpy as np

from edgeprune.errors import ModelError

T = TypeVar("T")

BROKEN_HINT = "the file is truncated or damaged: export it again, or fetch it again"
_VISITS_PER_BYTE = 4
_MOST_FIELDS_BYTES = 256  # no table of the schema has half as many fields
_FAULTS = (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError, KeyError)


class FlatFile:
    """The bytes of one flatbuffer and what is left of the reading allowance.

    Args:
        data: the whole file.
    """

    def __init__(self, data: bytes):
        self.data = data
        self._left_bytes = _VISITS_PER_BYTE * len(data) + 4096

    def account_for(self, size_bytes: int) -> None:
        """Account for `size_bytes` about to be read. Raises ModelError when the file is used up."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise ModelError(f"the file's {len(self.data):,} B do not hold what its tables claim", BROKEN_HINT)

    def tables(self, count: int, get: Callable[[int], T | None]) -> Iterator[T]:
        """The `count` tables behind a generated accessor such as `model.Subgraphs`."""
        self.account_for(4 * count)
        for index in range(count):
            table = get(index)
            if table is None:
                raise ModelError(f"entry {index} of a table is missing", BROKEN_HINT)
            yield read_once(table)

    def array(self, values: Any) -> np.ndarray:
        """The vector behind a generated `...AsNumpy()`, which gives 0 where the vector is absent."""
        if isinstance(values, int):
            return np.zeros(0, dtype=np.int64)
        vector: np.ndarray = values
        self.account_for(vector.nbytes)
        return vector

    def ints(self, values: Any) -> tuple[int, ...]:
        return tuple(int(value) for value in self.array(values))

    def text(self, value: bytes | None) -> str:
        self.account_for(len(value or b""))
        return (value or b"").decode("utf-8", "replace")


class _Table(flatbuffers.table.Table):  # type: ignore[misc]
    """What a generated accessor reads through, its list of fields decoded once: a file has thousands of tables."""

    def __init__(self, table: flatbuffers.table.Table):
        super().__init__(table.Bytes, table.Pos)
        start = self.Pos - struct.unpack_from("<i", self.Bytes, self.Pos)[0]
        if start < 0:
            raise IndexError(f"a table's fields at byte {start}")
        size = min(struct.unpack_from("<H", self.Bytes, start)[0], _MOST_FIELDS_BYTES)
        self._fields = struct.unpack_from(f"<{size // 2}H", self.Bytes, start)

    def Offset(self, slot: int) -> int:  # noqa: N802
        return self._fields[slot // 2] if slot // 2 < len(self._fields) else 0

    def Get(self, flags: Any, at: int) -> Any:  # noqa: N802
        return flags.packer_type.unpack_from(self.Bytes, at)[0]


def read_once(accessor: T) -> T:
    """A generated accessor whose fields are looked up by `_Table`."""
    accessor._tab = _Table(accessor._tab)  # type: ignore[attr-defined]
    return accessor


@contextmanager
def broken_means_model_error(what: str) -> Iterator[None]:
    """Turns what the generated accessors raise on offsets outside the file into a ModelError."""
    try:
        yield
    except _FAULTS as fault:
        raise ModelError(f"{what} is not a whole TensorFlow Lite model ({fault})", BROKEN_HINT) from fault
