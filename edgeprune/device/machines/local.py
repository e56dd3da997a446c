"""This machine: programs run as they are, or under QEMU's user-mode emulation of another processor."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeprune.device.machines.machine import KILLED_BY_TIMEOUT, Reply, Source, check_reply
from edgeprune.hardware.hosted import Architecture

_EMULATORS = {
    Architecture.AARCH64: ("qemu-aarch64-static", "qemu-aarch64"),
    Architecture.ARMV7: ("qemu-arm-static", "qemu-arm"),
    Architecture.X86_64: ("qemu-x86_64-static", "qemu-x86_64"),
}
# QEMU 7.2's default for 64-bit Arm computed wrong int8 results with other people's vector code; a named core does not.
_CORES = {"i8mm": "max", "asimddp": "cortex-a76"}


class LocalMachine:
    """Programs of one architecture on this machine (`Machine` of `machine.py`)."""

    def __init__(self, architecture: Architecture, emulator: tuple[str, ...] = ()):
        """Args:
        emulator: words before every command; none where this processor runs the program itself.
        """
        self._architecture = architecture
        self._emulator = emulator
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    @property
    def name(self) -> str:
        return f"{self._architecture} emulated by {Path(self._emulator[0]).name}" if self._emulator else "this machine"

    @property
    def source(self) -> Source:
        return "emulator" if self._emulator else "host"

    def architecture(self) -> Architecture:
        return self._architecture

    def install(self, files: Mapping[str, bytes]) -> str:
        folder = tempfile.TemporaryDirectory(prefix="edgeprune-run-")
        self._folders.append(folder)
        for name, content in files.items():
            path = Path(folder.name) / name
            path.write_bytes(content)
            path.chmod(0o755)
        return folder.name

    def run(self, folder: str, words: Sequence[str], given: bytes, timeout_s: float) -> bytes:
        command = [*self._emulator, *words]
        libraries = {"QEMU_LD_PREFIX": f"/usr/{self._architecture}-linux-gnu"}  # of Debian's cross compilers
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                input=given,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                env=libraries | os.environ,
            )
            reply = Reply(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
        except subprocess.TimeoutExpired:
            reply = Reply(KILLED_BY_TIMEOUT, b"", "")
        except OSError as refused:
            reply = Reply(126, b"", str(refused))
        return check_reply(reply, self.name, words, timeout_s)

    def close(self) -> None:
        for folder in self._folders:
            folder.cleanup()
        self._folders.clear()


def emulator_of(architecture: Architecture, features: Sequence[str]) -> tuple[str, ...] | None:
    """Words that run a program of such a processor under QEMU here; None where it is not installed.

    Args:
        features: of the processor, as `/proc/cpuinfo` lists them.
    """
    found = next((path for name in _EMULATORS[architecture] if (path := shutil.which(name))), None)
    if found is None:
        return None
    if architecture is not Architecture.AARCH64:
        return (found,)
    core = next((core for feature, core in _CORES.items() if feature in features), "cortex-a72")
    return (found, "-cpu", core)
