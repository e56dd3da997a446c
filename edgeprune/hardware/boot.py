"""The [boot] table of a target: how EdgePrune's own bootloader divides its flash (docs/boot.md)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from edgeprune.files.schema import Strict

Address = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(gt=0)]

HANDOVER_BYTES = 16
TRIAL_WATCHDOG_MS = 20_000  # nominal: an STM32's oscillator is off by as much as half
TARGET_BYTES = 32  # of an application's header
MAX_BLOCKS = 256
RECORD_BYTES = 32


class Staging(Strict):
    """Second slot, of the first one's size, with what swapping needs: a scratch block and two journal sectors."""

    origin: Address
    scratch_origin: Address
    journal_origin: Address
    journal_sector_bytes: Count


class Boot(Strict):
    """Addresses and sizes in bytes, each a whole number of flash sectors.

    Attributes:
        loader_origin, loader_bytes: where the loader itself lies; the core starts there.
        slot_origin, slot_bytes: where applications run from.
        staging: None where flash holds one image only: an update then replaces it in place.
        block_bytes: unit of erasing and swapping.
        write_bytes: smallest unit the flash programs.
        header_bytes: an application's header; its vector table follows, so a power of two the table can be aligned to.
    """

    loader_origin: Address
    loader_bytes: Count
    slot_origin: Address
    slot_bytes: Count
    staging: Staging | None = None
    block_bytes: Count
    write_bytes: Count = 4
    header_bytes: Annotated[int, Field(ge=256)] = 512

    def areas(self) -> tuple[tuple[str, int, int], ...]:
        """(name, origin, size in bytes) of everything in flash."""
        areas = [
            ("loader", self.loader_origin, self.loader_bytes),
            ("slot", self.slot_origin, self.slot_bytes),
        ]
        if self.staging:
            areas += [
                ("staging", self.staging.origin, self.slot_bytes),
                ("scratch", self.staging.scratch_origin, self.block_bytes),
                ("journal", self.staging.journal_origin, 2 * self.staging.journal_sector_bytes),
            ]
        return tuple(areas)

    @property
    def payload_origin(self) -> int:
        """Where an application's vector table lies: the address it is linked to."""
        return self.slot_origin + self.header_bytes

    @model_validator(mode="after")
    def _holds_together(self) -> Boot:
        ordered = sorted(self.areas(), key=lambda area: area[1])
        for (below, origin, size_bytes), (above, next_origin, _) in pairwise(ordered):
            if origin + size_bytes > next_origin:
                raise ValueError(f"{below} and {above} overlap at {next_origin:#010x}")
        if self.slot_bytes % self.block_bytes or self.slot_bytes // self.block_bytes > MAX_BLOCKS:
            raise ValueError(f"a slot is 1 to {MAX_BLOCKS} blocks of block_bytes")
        if self.header_bytes & (self.header_bytes - 1):
            raise ValueError(f"header_bytes is a power of two, not {self.header_bytes}")
        if RECORD_BYTES % self.write_bytes:
            raise ValueError(f"write_bytes divides {RECORD_BYTES}, the size of a journal record")
        return self
