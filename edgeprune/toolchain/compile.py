"""C text to object bytes, each translation unit once a process."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped


class Compiler(Hashable, Protocol):
    """One compiler for one kind of processor."""

    @property
    def version(self) -> str:
        """First line of `--version`."""

    @property
    def common_flags(self) -> tuple[str, ...]:
        """Of every translation unit."""

    def run(self, arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs it in `folder`; ToolchainError where it cannot be started."""


@dataclass(frozen=True)
class Unit:
    """One translation unit.

    Attributes:
        name: object file name without suffix, `<part>_<stem>`; sections.ld sorts bytes into parts by it.
        text: its C text.
        headers: (path, text) of every header it may include by a path of its own.
        include_dirs: folders searched after those.
        include_digest: changes whenever a file under `include_dirs` does.
        flags: compiler flags beyond the toolchain's common ones.
        source: where a debugger finds the text: under `firmware/`, or in the folder that a build writes.
    """

    name: str
    text: str
    headers: tuple[tuple[str, str], ...]
    include_dirs: tuple[Path, ...]
    include_digest: str
    flags: tuple[str, ...]
    source: str = ""


@lru_cache(maxsize=1024)
def compile_unit(toolchain: Compiler, unit: Unit) -> bytes:
    """The unit's object file.

    Raises:
        ToolchainError: the compiler refused it; carries its first messages.
    """
    with tempfile.TemporaryDirectory(prefix="edgeprune-cc-") as name:
        folder = Path(name)
        write_files(folder, dict(unit.headers))
        (folder / f"{unit.name}.c").write_text(f'#line 1 "{unit.source or unit.name}"\n{unit.text}')
        includes = tuple(f"-I{path}" for path in (folder, *unit.include_dirs))
        # No path of this machine goes into the file, or its bytes would be other ones elsewhere.
        places = (f"-fdebug-prefix-map={shipped('firmware')}=firmware", f"-fdebug-prefix-map={folder}=.")
        flags = (*toolchain.common_flags, *unit.flags, *places, *includes)
        arguments = (*flags, "-c", f"{unit.name}.c", "-o", f"{unit.name}.o")
        result = toolchain.run(arguments, folder)
        if result.returncode != 0:
            messages = "\n".join(result.stderr.strip().splitlines()[:12])
            raise ToolchainError(
                f"{unit.name}.c does not compile with {toolchain.version}:\n{messages}",
                hint="this is a fault of EdgePrune's generated or shipped C: please report it with the model",
            )
        return (folder / f"{unit.name}.o").read_bytes()


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Each text at its relative path under `folder`."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
