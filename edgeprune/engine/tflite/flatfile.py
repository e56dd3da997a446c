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

import numpy as np

from edgeprune.errors import ModelError

T = TypeVar("T")

BROKEN_HINT = "the file is truncated or damaged: export it again, or fetch it again"
_VISITS_PER_BYTE = 4
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
            yield table

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


@contextmanager
def broken_means_model_error(what: str) -> Iterator[None]:
    """Turns what the generated accessors raise on offsets outside the file into a ModelError."""
    try:
        yield
    except _FAULTS as fault:
        raise ModelError(f"{what} is not a whole TensorFlow Lite model ({fault})", BROKEN_HINT) from fault
