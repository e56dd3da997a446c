"""Where an image is linked to: a flash window, a RAM window, the stack inside it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from edgeprune.errors import UsageError
from edgeprune.hardware.boot import HANDOVER_BYTES, Boot
from edgeprune.hardware.profile import Target

_UNBOUNDED_BYTES = 0x0800_0000
_LOADER_STACK_BYTES = 4096  # the signature check takes the most of it


@dataclass(frozen=True)
class LinkSpace:
    """Windows in bytes on the bus; the linker refuses an image that leaves them."""

    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    stack_bytes: int

    def memory_script(self) -> str:
        """The head of the linker script that `boards/sections.ld` completes."""
        return (
            "MEMORY\n{\n"
            f"    FLASH (rx) : ORIGIN = {self.flash_origin:#010x}, LENGTH = {self.flash_bytes}\n"
            f"    RAM (rwx) : ORIGIN = {self.ram_origin:#010x}, LENGTH = {self.ram_bytes}\n"
            f"}}\nep_stack_bytes = {self.stack_bytes};\n"
        )


def target_space(target: Target) -> LinkSpace:
    """What the target leaves to EdgePrune, its reserves taken off.

    Raises:
        UsageError: the target has no flash to link into, or its reserves take all of a region.
    """
    if not any(region.kind == "flash" for region in target.memory):
        raise UsageError(f"target '{target.name}' has no flash: no firmware is built for it")
    ram = target.region("ram")
    flash_origin, flash_bytes = _flash_window(target)
    flash_bytes -= target.reserve.flash_bytes
    ram_bytes = ram.size_bytes - target.reserve.ram_bytes - (HANDOVER_BYTES if target.boot else 0)
    if flash_bytes <= 0 or ram_bytes <= target.reserve.stack_bytes:
        raise UsageError(
            f"reserves leave {max(flash_bytes, 0):,} B of flash and {max(ram_bytes, 0):,} B of RAM on '{target.name}'",
            hint="lower --reserve-flash, --reserve-ram or stack_bytes of [reserve]",
        )
    return LinkSpace(flash_origin, flash_bytes, ram.origin, ram_bytes, target.reserve.stack_bytes)


def remedy(small: Container[str]) -> str:
    """What helps where these regions are too small: "RAM", or any other."""
    rows = "run the first layers row by row (--ram-first), " if "RAM" in small else ""
    return f"{rows}thin the model further (`edgeprune fit`), or choose a larger target"


def loader_space(target: Target, boot: Boot) -> LinkSpace:
    """Where our bootloader lies; it has all RAM but the words that outlive a reset."""
    ram = target.region("ram")
    return LinkSpace(
        boot.loader_origin, boot.loader_bytes, ram.origin, ram.size_bytes - HANDOVER_BYTES, _LOADER_STACK_BYTES
    )


def handover_address(target: Target) -> int:
    """The last words of RAM, which loader and application leave to each other."""
    ram = target.region("ram")
    return ram.origin + ram.size_bytes - HANDOVER_BYTES


def _flash_window(target: Target) -> tuple[int, int]:
    """Origin and bytes of the flash an application is linked to: a whole region, or a slot behind its header."""
    if target.boot:
        return target.boot.payload_origin, target.boot.slot_bytes - target.boot.header_bytes
    region = target.region("flash")
    return region.origin, region.size_bytes


def unbounded_space(target: Target) -> LinkSpace:
    """The same addresses without limits (128 MiB each): to measure what would not fit. Not meant to run."""
    return replace(target_space(target), flash_bytes=_UNBOUNDED_BYTES, ram_bytes=_UNBOUNDED_BYTES)
