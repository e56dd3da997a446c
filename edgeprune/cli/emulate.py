"""`edgeprune emulate`."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import target_option
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    import subprocess

    from edgeprune.hardware.profile import Target


@dataclass(frozen=True)
class _Running:
    name: str
    port: str
    process: subprocess.Popen[bytes]
    can_flash: bool
    elf: Path


@click.command("emulate")
@click.argument("image", type=click.Path(exists=True, path_type=Path), required=False, metavar="[IMAGE|RUN]")
@target_option
@click.option("--flash-file", type=click.Path(path_type=Path), help="Keeps the flash of a board with a bootloader.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), metavar="S", help="Stop by itself after so long.  [default: at Ctrl-C]"
)
@click.option(
    "--gdb", "gdb_port", type=click.IntRange(1, 65535), metavar="PORT", help="Wait for gdb on this TCP port, too."
)
@click.option("--wait", "waits", is_flag=True, help="With --gdb: run nothing until gdb continues.")
def command(
    image: Path | None,
    target: Target | None,
    flash_file: Path | None,
    seconds: float | None,
    gdb_port: int | None,
    waits: bool,
) -> None:
    """Run a board in the emulator with its serial port on a pseudo-terminal, for other commands.

    A target with EdgePrune's bootloader starts without an image: `edgeprune flash` writes it one.
    The terminal's path goes to stdout.

    \b
    Examples:
      edgeprune emulate runs/latest
      edgeprune emulate runs/latest --gdb 3333 --wait
    """
    from edgeprune.device.discovery.emulators import announced
    from edgeprune.device.emulator.gdb import gdb_arguments, gdb_command, require_free

    if waits and gdb_port is None:
        raise UsageError("--wait is for gdb", hint="name its port: --gdb 3333 --wait")
    if gdb_port is not None:
        require_free(gdb_port)
    debugged = gdb_arguments(gdb_port, waits) if gdb_port is not None else ()
    with _board(image, target, flash_file, debugged) as board, announced(board.name, board.port, board.can_flash):
        click.echo(board.port)
        click.echo(f"emulated {board.name} on {board.port}; Ctrl-C ends it", err=True)
        if gdb_port is not None:
            click.echo(gdb_command(board.elf, gdb_port), err=True)
        deadline_s = None if seconds is None else time.monotonic() + seconds
        while board.process.poll() is None and (deadline_s is None or time.monotonic() < deadline_s):
            time.sleep(0.1)


@contextmanager
def _board(
    image: Path | None, target: Target | None, flash_file: Path | None, more: tuple[str, ...]
) -> Iterator[_Running]:
    """The board running until the block ends: an image in it, or a bootloader that waits for one."""
    from edgeprune.device.emulator.emulated_port import emulated_port
    from edgeprune.device.emulator.emulator import COUNTED
    from edgeprune.device.loaders.image_file import find_image, load_image

    if image is None:
        with _bootloader(target, flash_file, more) as running:
            yield running
        return
    path = find_image(image)
    loaded = load_image(path, target, None)
    with emulated_port(_machine(loaded.target), path, (*COUNTED, *more)) as (port, process):
        yield _Running(loaded.target.name, port, process, can_flash=False, elf=path)


@contextmanager
def _bootloader(target: Target | None, flash_file: Path | None, more: tuple[str, ...]) -> Iterator[_Running]:
    from edgeprune.device.emulator.emulated_flash import flash_arguments, make_flash_file
    from edgeprune.device.emulator.emulated_port import emulated_port
    from edgeprune.device.emulator.emulator import COUNTED
    from edgeprune.toolchain.bootloader import build_bootloader

    if target is None or target.boot is None:
        raise UsageError("nothing to run", hint="name an image, or a target with a bootloader: mps2-an386-boot")
    flash = flash_file or _state_folder() / f"{target.name}.flash"
    flash.parent.mkdir(parents=True, exist_ok=True)
    if not flash.exists():
        make_flash_file(flash)
    with tempfile.TemporaryDirectory(prefix="edgeprune-boot-") as folder:
        loader = build_bootloader(target, Path(folder))
        more = (*COUNTED, *flash_arguments(flash.resolve()), *more)
        with emulated_port(_machine(target), loader.elf, more) as (port, process):
            yield _Running(target.name, port, process, can_flash=True, elf=loader.elf)


def _machine(target: Target) -> str:
    if target.emulator is None or target.emulator.target is not None:
        stand_in = f"; '{target.emulator.target}' stands in for it" if target.emulator else ""
        raise UsageError(f"no emulated machine runs images of '{target.name}'{stand_in}")
    return target.emulator.machine


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "edgeprune"
