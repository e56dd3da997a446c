"""Flash of the emulated MPS2 boards that outlives the emulator: their 16 MB of PSRAM as a file of the host's.

QEMU maps the file; what the guest has stored is in it at once, whenever the emulator is killed.
firmware/boards/mps2/boot makes a window of it behave like flash.
"""

from __future__ import annotations

from pathlib import Path

from edgeprune.files.quoting import qemu_value

PSRAM_ORIGIN = 0x2100_0000
PSRAM_BYTES = 16 << 20


def make_flash_file(path: Path) -> None:
    """A blank board: nothing writes erased flash, so the file begins as zeros, which no journal record is."""
    with path.open("wb") as stream:
        stream.truncate(PSRAM_BYTES)


def flash_arguments(path: Path) -> tuple[str, ...]:
    """QEMU's arguments that make `path` the machine's PSRAM."""
    backend = f"memory-backend-file,id=flash,size={PSRAM_BYTES},mem-path={qemu_value(str(path))},share=on"
    return ("-machine", "memory-backend=flash", "-object", backend)
