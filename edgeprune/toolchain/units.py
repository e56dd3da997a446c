"""C files, shipped or generated, as translation units with everything that decides their object bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from edgeprune.catalogue import plugged_folders
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import FirmwareBoard
from edgeprune.toolchain.compile import Compiler, Unit, compile_unit

_JOBS = 2


def shipped_unit(part: str, path: Path, flags: tuple[str, ...], headers: tuple[tuple[str, str], ...] = ()) -> Unit:
    """A file of `firmware/`, or of a board of others, its own folder searched for headers first."""
    root = shipped("firmware")
    is_ours = path.is_relative_to(root)
    name = "_".join(path.relative_to(root).parts if is_ours else ("boards", path.parent.name, path.name))
    unit = text_unit(part, name, path.read_text(), flags, headers)
    include_digest = unit.include_digest if is_ours else digest(unit.include_digest, _headers_digest(path.parent))
    source = f"firmware/{path.relative_to(root).as_posix()}" if is_ours else path.name
    return replace(unit, include_dirs=(path.parent, *unit.include_dirs), include_digest=include_digest, source=source)


def text_unit(
    part: str, name: str, text: str, flags: tuple[str, ...], headers: tuple[tuple[str, str], ...] = ()
) -> Unit:
    """Generated C; `headers` are (path, text) of what it includes beside the shipped headers."""
    root = shipped("firmware")
    include_dirs = tuple(root / name for name in ("include", "console", "boards", "kernels", "libc/include"))
    unit_name = f"{part}_{name.removesuffix('.c')}"
    return Unit(unit_name, text, headers, include_dirs, _headers_digest(root), flags, source=f"c/{name}")


@cache
def _headers_digest(root: Path) -> str:
    headers = sorted(root.rglob("*.h"))
    return digest(*(part for path in headers for part in (str(path.relative_to(root)), path.read_text())))


def identity(unit: Unit) -> Iterable[str]:
    """What of a unit decides its bytes; folders differ between machines and do not."""
    headers = (part for header in unit.headers for part in header)
    return (unit.name, unit.text, *headers, unit.include_digest, *unit.flags)


def digest(*parts: str) -> str:
    """SHA-256 in hex over the parts and where each ends."""
    state = hashlib.sha256()
    for part in parts:
        state.update(f"{len(part)}:".encode() + part.encode())
    return state.hexdigest()


def compile_all(toolchain: Compiler, units: Sequence[Unit]) -> dict[str, bytes]:
    """Object name -> bytes. Raises ToolchainError when one does not compile."""
    with ThreadPoolExecutor(_JOBS) as pool:
        compiled = pool.map(lambda unit: compile_unit(toolchain, unit), units)
        return {unit.name: content for unit, content in zip(units, compiled, strict=True)}


def board_folders() -> dict[str, Path]:
    """Board -> folder that holds its `board.c`, also those of packages of others; a shipped one comes first.

    Raises:
        UsageError: a package of others that is not there.
    """
    own = {path.parent.name: path.parent for path in (shipped("firmware") / "boards").glob("*/board.c")}
    theirs = {name: folder for name, folder in plugged_folders("boards").items() if (folder / "board.c").is_file()}
    return theirs | own


def watchdog_of(board: FirmwareBoard) -> Path | None:
    """The board's watchdog, for loaders and what runs behind one; None where it has none."""
    folder = board_folders().get(board.board)
    path = None if folder is None else folder / "boot" / "watchdog.c"
    return path if path is not None and path.is_file() else None
