"""EdgePrune's own bootloader, built for a target whose profile has a [boot] table."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeprune import atomic
from edgeprune.build.compile import Unit
from edgeprune.build.linking import link
from edgeprune.build.monocypher import monocypher_sources
from edgeprune.build.space import handover_address, loader_space
from edgeprune.build.toolchain import Toolchain, find_toolchain
from edgeprune.build.units import compile_all, shipped_unit, text_unit
from edgeprune.errors import UsageError
from edgeprune.image.elf import parse_elf
from edgeprune.image.intel_hex import intel_hex
from edgeprune.image.segments import Image
from edgeprune.resources import shipped
from edgeprune.target.boot import Boot
from edgeprune.target.profile import FirmwareBoard, Target

_FLAGS = ("-Os", "-fno-builtin")
_ALWAYS = ("main.c", "an3155.c", "application.c", "info.c", "line.c", "fault.c")
_TWO_SLOTS = ("two_slots.c", "journal.c")
_ONE_SLOT = ("one_slot.c",)


@dataclass(frozen=True)
class Bootloader:
    """A linked loader on disk.

    Attributes:
        elf, hex: its files.
        size_bytes: bytes of flash it takes.
        public_key: whose signature it asks for; None when length and digest decide.
    """

    elf: Path
    hex: Path
    size_bytes: int
    public_key: bytes | None


def build_bootloader(
    target: Target,
    out_dir: Path,
    *,
    public_key: bytes | None = None,
    window_ms: int = 300,
    frame_ms: int = 300,
    toolchain: Toolchain | None = None,
) -> Bootloader:
    """Compiles and links the loader; its files appear in `out_dir` whole or not at all.

    Args:
        target: with [boot] and [firmware] tables; its board folder has a `boot/flash.c`.
        public_key: 32 bytes; applications without a signature by its owner are then never started.
        window_ms: how long it listens for a host before it starts an application.
        frame_ms: silence after which it forgets half a command.
        toolchain: by default the one `find_toolchain` finds.

    Raises:
        UsageError: the target has no [boot] table or no flash driver.
        DoesNotFit: the loader is larger than `loader_bytes`.
        ToolchainError: no compiler, no sources of monocypher, or the compiler failed.
    """
    boot, board = _tables(target)
    toolchain = toolchain or find_toolchain()
    cpu_flags = toolchain.cpu_flags(target.cpu)
    space = loader_space(target, boot)
    defines = _layout_defines(target, boot) | {"BOOT_WINDOW_MS": f"{window_ms}u", "BOOT_FRAME_MS": f"{frame_ms}u"}
    flags = (*_FLAGS, *cpu_flags, *(f"-D{name}={value}" for name, value in defines.items()))
    units = _units(target, board, flags, toolchain.libc_flags, public_key)
    script = space.memory_script() + (shipped("firmware") / "boards" / "sections.ld").read_text()
    objects = compile_all(toolchain, units)
    with tempfile.TemporaryDirectory(prefix="edgeprune-boot-") as name:
        link(toolchain, cpu_flags, objects, script, space, Path(name))
        elf = (Path(name) / "firmware.elf").read_bytes()
    segment = parse_elf(elf, "boot.elf").flat()
    atomic.write_bytes(out_dir / "boot.elf", elf)
    atomic.write_text(out_dir / "boot.hex", intel_hex(Image((segment,))))
    return Bootloader(out_dir / "boot.elf", out_dir / "boot.hex", len(segment.content), public_key)


def _tables(target: Target) -> tuple[Boot, FirmwareBoard]:
    if target.boot is None or target.firmware is None:
        known = sorted(path.parts[-3] for path in (shipped("firmware") / "boards").glob("*/boot/flash.c"))
        raise UsageError(
            f"target '{target.name}' has no bootloader of EdgePrune's",
            hint=f"add [boot] and [firmware] to its TOML (docs/boot.md); a flash driver have {', '.join(known)}",
        )
    if not (shipped("firmware") / "boards" / target.firmware.board / "boot" / "flash.c").is_file():
        raise UsageError(f"board '{target.firmware.board}' has no boot/flash.c, which writes its flash")
    return target.boot, target.firmware


def _layout_defines(target: Target, boot: Boot) -> dict[str, str]:
    """The macros of firmware/boot/layout.h."""
    ram = target.region("ram")
    defines: dict[str, int] = {
        "BOOT_SLOTS": 2 if boot.staging else 1,
        "BOOT_HEADER_BYTES": boot.header_bytes,
        "BOOT_SLOT_ORIGIN": boot.slot_origin,
        "BOOT_SLOT_BYTES": boot.slot_bytes,
        "BOOT_BLOCK_BYTES": boot.block_bytes,
        "BOOT_WRITE_BYTES": boot.write_bytes,
        "BOOT_RAM_ORIGIN": ram.origin,
        "BOOT_RAM_BYTES": ram.size_bytes,
        "BOOT_HANDOVER": handover_address(target),
    }
    if boot.staging:
        defines |= {
            "BOOT_STAGING_ORIGIN": boot.staging.origin,
            "BOOT_SCRATCH_ORIGIN": boot.staging.scratch_origin,
            "BOOT_JOURNAL_ORIGIN": boot.staging.journal_origin,
            "BOOT_JOURNAL_SECTOR_BYTES": boot.staging.journal_sector_bytes,
        }
    return {name: f"{value:#x}u" for name, value in defines.items()} | {"BOOT_TARGET": f'"{target.name}"'}


def _units(
    target: Target,
    board: FirmwareBoard,
    flags: tuple[str, ...],
    libc_flags: tuple[str, ...],
    public_key: bytes | None,
) -> list[Unit]:
    root = shipped("firmware")
    sources = monocypher_sources()
    header = (("monocypher.h", sources["monocypher.h"]),)
    names = (*_ALWAYS, *(_TWO_SLOTS if target.boot and target.boot.staging else _ONE_SLOT))
    defines = {"BOARD_BAUD": target.baud, "BOARD_CLOCK_HZ": target.cpu.clock_hz, "BOARD_EVEN_PARITY": 1} | board.defines
    board_flags = (*flags, *(f"-D{name}={value}" for name, value in defines.items()), f"-I{root / 'boot'}")
    board_folder = root / "boards" / board.board
    return [
        *(shipped_unit("runtime", root / "boot" / name, flags, header) for name in names),
        *_signature_units(root, flags, header, public_key),
        text_unit("runtime", "monocypher.c", sources["monocypher.c"], (*flags, "-DBLAKE2_NO_UNROLLING"), header),
        shipped_unit("runtime", root / "libc" / "string.c", (*libc_flags, *flags)),
        shipped_unit("runtime", root / "console" / "crc.c", flags),
        shipped_unit("runtime", root / "boards" / "startup.c", board_flags),
        *(shipped_unit("runtime", path, board_flags) for path in sorted(board_folder.glob("*.c"))),
        *(shipped_unit("runtime", path, board_flags) for path in sorted((board_folder / "boot").glob("*.c"))),
    ]


def _signature_units(
    root: Path, flags: tuple[str, ...], header: tuple[tuple[str, str], ...], public_key: bytes | None
) -> list[Unit]:
    if public_key is None:
        return [shipped_unit("runtime", root / "boot" / "unsigned.c", flags)]
    digits = ", ".join(f"0x{byte:02x}" for byte in public_key)
    key = f'#include "application.h"\n\nconst uint8_t boot_public_key[32] = {{{digits}}};\n'
    return [
        shipped_unit("runtime", root / "boot" / "signature.c", flags, header),
        text_unit("runtime", "key.c", key, (*flags, f"-I{root / 'boot'}")),
    ]
