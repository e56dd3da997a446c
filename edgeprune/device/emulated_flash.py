"""Flash of the emulated MPS2 boards that outlives the emulator: their 16 MB of PSRAM as a file of the host's.

QEMU maps the file; what the guest has stored is in it at once, whenever the emulator is killed.
firmware/boards/mps2/boot makes a window of it behave like flash.
"""

from __future__ import annotations

from pathlib import Path

PSRAM_ORIGIN = 0x2100_0000
PSRAM_BYTES = 16 << 20


def make_flash_file(path: Path) -> None:
    """A blank board: erased flash is written by nobody, so the file begins as zeros, which no journal record is."""
    with path.open("wb") as stream:
        stream.truncate(PSRAM_BYTES)


def with_flash(machine: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """QEMU's name for the machine with `path` as its PSRAM, and the arguments that go with it."""
    backend = f"memory-backend-file,id=flash,size={PSRAM_BYTES},mem-path={path},share=on"
    return f"{machine},memory-backend=flash", ("-object", backend)
