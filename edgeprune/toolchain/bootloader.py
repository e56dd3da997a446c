"""EdgePrune's own bootloader, built for a target whose profile has a [boot] table."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.intel_hex import intel_hex
from edgeprune.device.image.segments import Image
from edgeprune.errors import UsageError
from edgeprune.files import atomic
from edgeprune.files.quoting import c_string
from edgeprune.files.shipped import shipped
from edgeprune.hardware.boot import TRIAL_WATCHDOG_MS, Boot
from edgeprune.hardware.profile import FirmwareBoard, Target
from edgeprune.toolchain.compile import Unit
from edgeprune.toolchain.linking import link
from edgeprune.toolchain.monocypher import monocypher_sources
from edgeprune.toolchain.space import handover_address, loader_space
from edgeprune.toolchain.toolchain import Toolchain, find_toolchain
from edgeprune.toolchain.units import board_folders, compile_all, shipped_unit, text_unit, watchdog_of

_FLAGS = ("-Os", "-fno-builtin")
_ALWAYS = ("main.c", "an3155.c", "application.c", "info.c", "line.c", "fault.c")
_TWO_SLOTS = ("two_slots.c", "journal.c")
_ONE_SLOT = ("one_slot.c",)


@dataclass(frozen=True)
class BootOptions:
    """What a loader demands of applications, and how long it waits.

    Attributes:
        public_key: 32 bytes; applications without a signature by its owner are never started. None: length and digest
            decide.
        minimum_version: applications older than that, or than the newest one that was kept, are never started. None:
            any version runs.
        window_ms: how long it waits for a host before it starts an application.
        frame_ms: idle time after which it drops half a command.
        watchdog_ms: how long an image on trial may go without feeding the board's watchdog, where it has one.
    """

    public_key: bytes | None = None
    minimum_version: int | None = None
    window_ms: int = 300
    frame_ms: int = 300
    watchdog_ms: int = TRIAL_WATCHDOG_MS


@dataclass(frozen=True)
class Bootloader:
    """A linked loader on disk.

    Attributes:
        elf, hex: its files.
        size_bytes: bytes of flash it takes.
        options: it was built with.
        watches_trials: an image on trial that hangs is reset.
    """

    elf: Path
    hex: Path
    size_bytes: int
    options: BootOptions
    watches_trials: bool


def build_bootloader(
    target: Target,
    out_dir: Path,
    options: BootOptions = BootOptions(),
    toolchain: Toolchain | None = None,
) -> Bootloader:
    """Compiles and links the loader; its files appear in `out_dir` whole or not at all.

    Args:
        target: with [boot] and [firmware] tables; its board has `firmware/boards/<board>/boot/flash.c`.
        options: what it demands of applications, and its waiting times.
        toolchain: by default the one `find_toolchain` finds.

    Raises:
        UsageError: the target has no [boot] table or no flash driver, or cannot keep a minimum version.
        DoesNotFit: the loader is larger than `loader_bytes`.
        ToolchainError: no compiler, no sources of monocypher, or the compiler failed.
    """
    boot, board = _tables(target)
    watches_trials = watchdog_of(board) is not None
    if options.minimum_version is not None and (options.public_key is None or boot.staging is None):
        raise UsageError(
            "a minimum version needs a public key, without which anybody writes any version into a header, and two "
            "slots, whose journal keeps it",
            hint="name --public-key; a target with one slot runs any version",
        )
    toolchain = toolchain or find_toolchain()
    cpu_flags = toolchain.cpu_flags(target.cpu)
    space = loader_space(target, boot)
    defines = _layout_defines(target, boot) | _option_defines(options, watches_trials)
    flags = (*_FLAGS, *cpu_flags, *(f"-D{name}={value}" for name, value in defines.items()))
    units = _units(target, board, flags, toolchain.libc_flags, options.public_key)
    script = space.memory_script() + (shipped("firmware") / "boards" / "sections.ld").read_text()
    objects = compile_all(toolchain, units)
    with tempfile.TemporaryDirectory(prefix="edgeprune-boot-") as name:
        link(toolchain, cpu_flags, objects, script, space, Path(name))
        elf = (Path(name) / "firmware.elf").read_bytes()
    segment = parse_elf(elf, "boot.elf").flat()
    atomic.write_bytes(out_dir / "boot.elf", elf)
    atomic.write_text(out_dir / "boot.hex", intel_hex(Image((segment,))))
    return Bootloader(
        out_dir / "boot.elf", out_dir / "boot.hex", len(segment.content), options, watchdog_of(board) is not None
    )


def _tables(target: Target) -> tuple[Boot, FirmwareBoard]:
    if target.boot is None or target.firmware is None:
        known = sorted(name for name, path in board_folders().items() if (path / "boot" / "flash.c").is_file())
        raise UsageError(
            f"target '{target.name}' has no bootloader of EdgePrune's",
            hint=f"add [boot] and [firmware] to its TOML (docs/boot.md); a flash driver have {', '.join(known)}",
        )
    folder = board_folders().get(target.firmware.board)
    if folder is None or not (folder / "boot" / "flash.c").is_file():
        raise UsageError(f"board '{target.firmware.board}' has no boot/flash.c, which writes its flash")
    return target.boot, target.firmware


def _option_defines(options: BootOptions, watches_trials: bool) -> dict[str, str]:
    """More of them."""
    return {
        "BOOT_WINDOW_MS": f"{options.window_ms}u",
        "BOOT_FRAME_MS": f"{options.frame_ms}u",
        "BOOT_WATCHDOG_MS": f"{options.watchdog_ms if watches_trials else 0}u",
        "BOOT_ORDERS_VERSIONS": str(int(options.minimum_version is not None)),
        "BOOT_MINIMUM_VERSION": f"{options.minimum_version or 0}u",
    }


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
    return {name: f"{value:#x}u" for name, value in defines.items()} | {"BOOT_TARGET": c_string(target.name)}


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
    board_folder = board_folders()[board.board]
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
