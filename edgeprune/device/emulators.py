"""Emulated boards that `edgeprune emulate` keeps running, so that other commands find them."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeprune import atomic
from edgeprune.device.found import Ability, FoundDevice, Kind

_MAX_NOTE_BYTES = 4096


def running_emulators() -> list[FoundDevice]:
    """Those of this user whose process is alive; notes of dead ones are removed."""
    found = []
    for note in sorted(_folder().glob("*.json")):
        try:
            if not _is_alive(int(note.stem)):
                note.unlink(missing_ok=True)
                continue
            with note.open("rb") as stream:
                data = json.loads(stream.read(_MAX_NOTE_BYTES))
            target, port, can_flash = str(data["target"]), str(data["port"]), bool(data["can_flash"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written or removed right now, or not ours
        abilities: tuple[Ability, ...] = (Ability.CONSOLE, Ability.PROFILE)
        if can_flash:
            abilities = (Ability.FLASH, *abilities)
        found.append(FoundDevice(Kind.EMULATOR, port, f"emulated {target}", (target,), abilities))
    return found


@contextmanager
def announced(target: str, port: str, can_flash: bool) -> Iterator[None]:
    """`running_emulators` lists this process's emulator while the block runs."""
    note = _folder() / f"{os.getpid()}.json"
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write_text(note, json.dumps({"target": target, "port": port, "can_flash": can_flash}))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(base) if base else Path(tempfile.gettempdir()) / f"edgeprune-{_user()}") / "edgeprune-emulators"


def _user() -> str:
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
