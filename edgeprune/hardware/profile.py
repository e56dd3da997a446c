"""A target as data: the schema of the TOML files under `targets/`.

Unknown keys are errors, and each table must name where its facts come from in `[sources]`.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from edgeprune.catalogue import plugged_names
from edgeprune.errors import UsageError
from edgeprune.files.schema import Line, Name, Strict
from edgeprune.hardware.boot import TARGET_BYTES, Boot
from edgeprune.hardware.flash_timing import FlashTiming
from edgeprune.hardware.hosted import Hosted

DEFAULT_BAUD = 115200

LOADERS = ("stm32-rom", "edgeprune-boot", "uf2", "swd")

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Macro = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
UsbId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]


class Isa(StrEnum):
    """Which folder of `firmware/kernels` a core takes first; `ref` (plain C11) is the fallback of all."""

    REF = "ref"
    SCALAR = "scalar"  # M0, M0+, M3: no SIMD
    DSP = "dsp"  # M4, M7, M33: SMLAD and friends
    MVE = "mve"  # M55, M85
    VECTOR = "vector"  # processors with an operating system: compilers make vector instructions of it


class Family(StrEnum):
    CORTEX_M = "cortex-m"
    ANDROID = "android"
    RASPBERRY_PI = "raspberry-pi"


class Cpu(Strict):
    """core: `cortex-m4`, ...; isa: kernel folder; fpu: hardware float; clock_hz: as the firmware runs it.

    Where cores differ (phones), core and clock_hz are the fastest one's and count is all of them.
    """

    core: Name
    isa: Isa
    fpu: bool = False
    clock_hz: PositiveInt
    count: PositiveInt = 1


class Sectors(Strict):
    """A run of equal units of erasing, in address order; the ROM numbers them from 0 through all runs."""

    count: PositiveInt
    size_bytes: PositiveInt


class MemoryRegion(Strict):
    """origin: address on the bus; 0 where an operating system maps the memory (Android, Raspberry Pi).

    timing: of flash; None where nobody stated it.
    """

    name: Line
    kind: Literal["flash", "ram"]
    origin: NonNegativeInt
    size_bytes: PositiveInt
    sectors: tuple[Sectors, ...] = ()
    timing: FlashTiming | None = None

    @model_validator(mode="after")
    def _sectors_fill_it(self) -> MemoryRegion:
        covered = sum(run.count * run.size_bytes for run in self.sectors)
        if self.sectors and covered != self.size_bytes:
            raise ValueError(f"sectors of '{self.name}' cover {covered:,} B of {self.size_bytes:,} B")
        return self


class Reserve(Strict):
    """Bytes kept from EdgePrune for the user's own code; stack_bytes is what the linker script sets aside."""

    flash_bytes: NonNegativeInt = 0
    ram_bytes: NonNegativeInt = 0
    stack_bytes: PositiveInt = 4096


class FirmwareBoard(Strict):
    """Which folder of `firmware/boards` boots this target, and the macros it is built with."""

    board: Name
    defines: dict[Macro, int | Name] = Field(default_factory=dict)


class Emulator(Strict):
    """The QEMU machine that stands in, and the target whose firmware it runs.

    target: None when this target's own image runs on the machine; else the name of the stand-in target, for which the
    same kernels and model are rebuilt.
    """

    machine: Name
    target: Name | None = None


class Link(Strict):
    kind: Literal["serial", "adb", "ssh"]
    baud: PositiveInt | None = None
    usb_ids: tuple[UsbId, ...] = ()
    note: Line | None = None


class Loader(Strict):
    """A way to write the board's flash, its door first.

    stm32-rom: uart and pins the ROM listens on, product_id it must report (AN2606, "device IDs").
    uf2: volume label of its drive, the Board-ID its INFO_UF2.TXT states, family_id of its images.
    swd: swd_target is pyOCD's name of the chip; pack, the CMSIS pack that brings it where pyOCD itself has not.
    usb_is_wired: the board's own USB port reaches this loader.
    """

    kind: Name
    uart: Line | None = None
    pins: Line | None = None
    usb_is_wired: bool = True
    product_id: PositiveInt | None = None
    volume: Line | None = None
    board_id: Line | None = None
    family_id: PositiveInt | None = None
    swd_target: Name | None = None
    pack: Line | None = None
    note: Line | None = None

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        known = (*LOADERS, *sorted(plugged_names("loaders")), "none")
        if kind not in known:
            raise ValueError(f"no loader is called '{kind}'; there are {', '.join(known)}")
        return kind

    @model_validator(mode="after")
    def _tells_its_board(self) -> Loader:
        if self.kind == "uf2" and (self.board_id is None or self.family_id is None):
            raise ValueError("uf2 needs board_id (Board-ID in the drive's INFO_UF2.TXT) and family_id")
        return self


class Target(Strict):
    """One device or emulated machine. See `targets/` for examples; sizes in bytes, addresses as on the bus.

    vector_offset_bytes: from the start of flash to the vector table, where a boot stage of the chip's lies before it.
    aliases: other names people type for it.
    """

    name: Name
    title: Line
    aliases: tuple[Name, ...] = ()
    family: Family
    cpu: Cpu
    memory: tuple[MemoryRegion, ...]
    reserve: Reserve = Reserve()
    firmware: FirmwareBoard | None = None
    emulator: Emulator | None = None
    link: Link | None = None
    loaders: tuple[Loader, ...] = ()
    boot: Boot | None = None
    hosted: Hosted | None = None
    vector_offset_bytes: NonNegativeInt = 0
    runtimes: tuple[Literal["edgeprune", "tflite", "executorch"], ...]
    channel_multiple: PositiveInt = 1
    sources: dict[Name, Line]

    @model_validator(mode="after")
    def _is_whole(self) -> Target:
        missing = [table for table in ("cpu", "memory") if table not in self.sources]
        if missing:
            raise ValueError(f"[sources] names no source for {', '.join(missing)}")
        needed = ("flash", "ram") if self.family is Family.CORTEX_M else ("ram",)
        for kind in needed:
            if not any(region.kind == kind for region in self.memory):
                raise ValueError(f"no [[memory]] of kind '{kind}'")
        if (self.hosted is None) != (self.family is Family.CORTEX_M):
            raise ValueError(f"family {self.family} {'needs a' if self.hosted is None else 'has no'} [hosted] table")
        if self.hosted is not None and "hosted" not in self.sources:
            raise ValueError("[sources] names no source for hosted")
        return self

    @model_validator(mode="after")
    def _memory_is_possible(self) -> Target:
        names = [region.name for region in self.memory]
        for region in self.memory:
            if names.count(region.name) > 1:
                raise ValueError(f"two [[memory]] tables are named '{region.name}'")
            if self.family is Family.CORTEX_M and region.origin + region.size_bytes > 1 << 32:
                raise ValueError(f"[[memory]] '{region.name}' ends past 32 bits")
        regions = sorted(self.memory, key=lambda region: region.origin)
        for below, above in pairwise(regions):
            if below.origin + below.size_bytes > above.origin:
                raise ValueError(f"[[memory]] '{below.name}' and '{above.name}' overlap at {above.origin:#010x}")
        return self

    @model_validator(mode="after")
    def _name_fits_the_header(self) -> Target:
        if self.boot and len(self.name) > TARGET_BYTES:
            raise ValueError(f"a target with [boot] has a name of at most {TARGET_BYTES} characters (docs/boot.md)")
        return self

    @model_validator(mode="after")
    def _boot_lies_in_flash(self) -> Target:
        for name, origin, size_bytes in self.boot.areas() if self.boot else ():
            if not any(
                region.kind == "flash"
                and region.origin <= origin
                and origin + size_bytes <= region.origin + region.size_bytes
                for region in self.memory
            ):
                raise ValueError(f"[boot] {name}, {size_bytes:,} B at {origin:#010x}, lies in no flash")
        return self

    @property
    def baud(self) -> int:
        """Bits a second of its serial console and of our bootloader."""
        return (self.link.baud if self.link else None) or DEFAULT_BAUD

    @property
    def uf2_family_id(self) -> int | None:
        """The family of UF2 images its own loader takes, None where it takes none."""
        return next((loader.family_id for loader in self.loaders if loader.kind == "uf2"), None)

    @property
    def vectors_origin(self) -> int:
        """Where the vector table of an application lies."""
        return self.boot.payload_origin if self.boot else self.region("flash").origin + self.vector_offset_bytes

    @property
    def code_cache_bytes(self) -> int:
        """Of the cache through which code comes from flash; 0 for none, or where none is stated."""
        timing = self.region("flash").timing if self.family is Family.CORTEX_M else None
        return timing.code_cache_bytes if timing else 0

    def region(self, kind: Literal["flash", "ram"]) -> MemoryRegion:
        """The region of that kind the firmware is linked into: the first listed.

        Raises:
            UsageError: the target has none; only Android and Raspberry Pi profiles have no flash.
        """
        for region in self.memory:
            if region.kind == kind:
                return region
        raise UsageError(f"{self.name} has no {kind} region", hint="firmware is built for cortex-m targets only")
