"""How long a microcontroller's flash lets its core wait."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from edgeprune.files.schema import Strict

_MOST_LINES = 4096


class FlashTiming(Strict):
    """An interface with read buffers, prefetch and least-recently-used caches, as the shipped firmware sets it up.

    Attributes:
        wait_states: cycles beyond the first of a read, at the target's clock.
        sequential_wait_states: likewise of a read that goes on behind the last one; None where it takes as long as any.
        read_bytes: of one read of the array.
        prefetches: the next read is begun ahead.
        code_cache_lines, data_cache_lines: 0 for none.
        cache_line_bytes: of both.
        cache_ways: lines of a set; 0 where any line may lie anywhere.
        is_unified: the cache of `code_cache_lines` holds data as well.
    """

    wait_states: Annotated[int, Field(ge=0, le=255)]
    sequential_wait_states: Annotated[int, Field(ge=0, le=255)] | None = None
    read_bytes: Annotated[int, Field(ge=4, le=64)]
    prefetches: bool = False
    code_cache_lines: Annotated[int, Field(ge=0, le=_MOST_LINES)] = 0
    data_cache_lines: Annotated[int, Field(ge=0, le=_MOST_LINES)] = 0
    cache_line_bytes: Annotated[int, Field(ge=4, le=256)] = 32
    cache_ways: Annotated[int, Field(ge=0, le=64)] = 0
    is_unified: bool = False

    @property
    def next_wait_states(self) -> int:
        """Of a read behind the last one."""
        return self.wait_states if self.sequential_wait_states is None else self.sequential_wait_states

    @property
    def code_cache_bytes(self) -> int:
        """0 where there is no cache, or no need of one."""
        return self.code_cache_lines * self.cache_line_bytes if self.wait_states else 0

    @model_validator(mode="after")
    def _lines_hold_reads(self) -> FlashTiming:
        if self.cache_line_bytes % self.read_bytes or self.cache_line_bytes > 32 * self.read_bytes:
            raise ValueError(
                f"cache_line_bytes = {self.cache_line_bytes} is not 1 to 32 times read_bytes = {self.read_bytes}"
            )
        if self.next_wait_states > self.wait_states:
            raise ValueError(
                f"sequential_wait_states = {self.next_wait_states} is more than wait_states = {self.wait_states}"
            )
        if self.cache_ways and (self.code_cache_lines % self.cache_ways or self.data_cache_lines % self.cache_ways):
            raise ValueError(f"a cache's lines are no multiple of cache_ways = {self.cache_ways}")
        if self.is_unified and self.data_cache_lines:
            raise ValueError("a unified cache has its lines in code_cache_lines; leave data_cache_lines away")
        return self


NO_WAITS = FlashTiming(wait_states=0, read_bytes=8)
