"""The emulator's plugin of `firmware/emulator/execution.c`, built for this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped
from edgeprune.toolchain.linux import find_linux_compiler, this_machine

_SOURCE = "emulator/execution.c"
_VERSION = re.compile(r"version (\d+)\.(\d+)")
_SECOND_API = (8, 2)
"""QEMU's version that first took plugins of API version 2; later ones take no older."""


def build_plugin(emulator: str, folder: Path) -> Path:
    """Compiles the plugin into `folder`.

    Args:
        emulator: path of the QEMU that will load it.

    Raises:
        ToolchainError: this machine has no C compiler, or runs no Linux.
    """
    architecture = this_machine()
    if architecture is None:
        raise ToolchainError("plugins of the emulator are built on Linux alone", hint="profile there, or on the board")
    source, built = shipped("firmware") / _SOURCE, folder / "execution.so"
    flags = ("-std=c11", "-O2", "-shared", "-fPIC", f"-DPLUGIN_VERSION={_api_version(emulator)}")
    done = find_linux_compiler(architecture).run((*flags, str(source), "-o", str(built)), folder)
    if done.returncode != 0:
        raise ToolchainError(
            f"the emulator's plugin cannot be compiled: {done.stderr.strip()[:500]}",
            hint="install gcc and libc6-dev, or `pip install edgeprune[zig]`",
        )
    return built


def _api_version(emulator: str) -> int:
    queried = subprocess.run([emulator, "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(queried.stdout)
    return 2 if found is None or (int(found[1]), int(found[2])) >= _SECOND_API else 1
