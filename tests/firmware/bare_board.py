"""Compiles C for an emulated mps2 board, or for this host under sanitizers, runs it, and returns what it printed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
BARE = Path(__file__).resolve().parent / "bare"

_WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-Wconversion")
_INCLUDES = (f"-I{FIRMWARE / 'include'}",)
_CORES = {
    "cortex-m4": ("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")),
    "cortex-m3": ("mps2-an385", ("-mcpu=cortex-m3",)),
    "cortex-m0": ("mps2-an385", ("-mcpu=cortex-m0",)),
}


def run_on_board(core: str, sources: Sequence[Path], folder: Path) -> str:
    """The text `sources` print on the emulated board of `core`; built with -O2 in `folder`."""
    machine, flags = _CORES[core]
    elf = folder / "image.elf"
    command = ["arm-none-eabi-gcc", *flags, "-mthumb", "-O2", *_WARNINGS, *_INCLUDES, "-nostartfiles"]
    command += ["-specs=nano.specs", "-specs=nosys.specs", "-Wl,--no-warn-rwx-segments", "-Wl,--gc-sections"]
    command += ["-ffunction-sections", "-fno-tree-loop-distribute-patterns", "-T", str(BARE / "mps2.ld"), str(BARE / "startup.c"), *map(str, sources)]
    _check([*command, "-o", str(elf)])
    emulator = ["qemu-system-arm", "-machine", machine, "-display", "none", "-monitor", "none", "-serial", "stdio"]
    emulator += ["-semihosting-config", "enable=on,target=native", "-icount", "shift=6,align=off,sleep=off"]
    return _check([*emulator, "-kernel", str(elf)])


def run_on_host(sources: Sequence[Path], folder: Path) -> str:
    """The text `sources` print here, under the address and undefined-behaviour sanitizers."""
    program = folder / "program"
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-sanitize=shift-base")
    _check(["gcc", "-O1", "-g", *sanitizers, *_WARNINGS, *_INCLUDES, *map(str, sources), "-o", str(program)])
    return _check([str(program)])


def _check(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
