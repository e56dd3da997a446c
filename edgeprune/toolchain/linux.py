"""Compilers of static Linux programs: the processor's own gcc where it is installed, else PyPI's `ziglang`, a clang.

Programs are linked without a C library (`firmware/hosted/system.h`), so both make nearly the same few kilobytes.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeprune.errors import ToolchainError, UsageError
from edgeprune.hardware.hosted import MACHINES, Architecture
from edgeprune.toolchain.toolchain import GCC, ZIG

_GCC = {
    Architecture.AARCH64: "aarch64-linux-gnu-gcc",
    Architecture.ARMV7: "arm-linux-gnueabihf-gcc",
    Architecture.X86_64: "x86_64-linux-gnu-gcc",
}
_ZIG_TARGETS = {
    Architecture.AARCH64: "aarch64-linux-musl",
    Architecture.ARMV7: "arm-linux-musleabihf",
    Architecture.X86_64: "x86_64-linux-musl",
}
_COMMON_FLAGS = (
    "-std=c11", "-ffreestanding", "-ffunction-sections", "-fdata-sections", "-fno-common", "-fno-strict-aliasing",
    "-ffp-contract=off", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-fno-pic",
    "-Wall", "-Wextra", "-Werror=implicit-function-declaration",
)  # fmt: skip
_FEATURES = {"asimddp": "dotprod", "i8mm": "i8mm"}
"""`/proc/cpuinfo` -> the compilers' name."""
_HINT = "install one: `pip install edgeprune[zig]`, or `apt install gcc-aarch64-linux-gnu` for 64-bit Arm"


@dataclass(frozen=True)
class LinuxCompiler:
    """One compiler that also links, for one kind of processor.

    Attributes:
        kind: "gcc" or "zig".
        command: the words a call starts with.
        version: first line of `--version`; part of every build id.
    """

    kind: str
    command: tuple[str, ...]
    architecture: Architecture
    version: str

    def cpu_flags(self, features: Sequence[str]) -> tuple[str, ...]:
        """Flags that choose the processor.

        Args:
            features: `Hosted.features`.
        """
        extensions = [_FEATURES[name] for name in features if name in _FEATURES]
        if self.architecture is Architecture.AARCH64:
            if self.kind == ZIG:
                return ("-mcpu=generic" + "".join(f"+{name}" for name in extensions),)
            return (f"-march=armv8{'.2' if extensions else ''}-a" + "".join(f"+{name}" for name in extensions),)
        if self.architecture is Architecture.ARMV7:
            zig = ("-mcpu=generic+v7a+neon+vfp3+hwdiv+hwdiv_arm",)
            return zig if self.kind == ZIG else ("-march=armv7ve", "-mfpu=neon", "-mfloat-abi=hard", "-marm")
        return ()

    @property
    def common_flags(self) -> tuple[str, ...]:
        # zig traps undefined behaviour in C by default; those checks would be linked into the program.
        return (*_COMMON_FLAGS, "-fno-sanitize=undefined") if self.kind == ZIG else _COMMON_FLAGS

    @property
    def libc_flags(self) -> tuple[str, ...]:
        """For `libc/string.c`: no loop in there may become a call of the function it defines."""
        return ("-O2", "-fno-builtin", *(() if self.kind == ZIG else ("-fno-tree-loop-distribute-patterns",)))

    @property
    def link_flags(self) -> tuple[str, ...]:
        flags = ("-nostdlib", "-nostartfiles", "-static", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,norelro")
        return flags if self.kind == ZIG else (*flags, "-no-pie", "-Wl,-z,noseparate-code")

    @property
    def link_libraries(self) -> tuple[str, ...]:
        """The compiler's own run-time functions; zig adds its compiler-rt by itself."""
        return () if self.kind == ZIG else ("-lgcc",)

    def run(self, arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs the compiler in `folder` without a shell; the caller judges its exit status.

        Raises:
            ToolchainError: it cannot be started.
        """
        try:
            return subprocess.run(
                [*self.command, *arguments],
                cwd=folder,
                env=os.environ | {"LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise ToolchainError(f"{self.command[0]} cannot be started: {error}", hint=_HINT) from error


def this_machine() -> Architecture | None:
    """The programs this machine runs; None where it is no Linux, or another processor."""
    return MACHINES.get(platform.machine().lower()) if sys.platform == "linux" else None


def find_linux_compiler(architecture: Architecture) -> LinuxCompiler:
    """What builds programs for such a processor: `EDGEPRUNE_TOOLCHAIN`, else gcc, else zig.

    Raises:
        UsageError: EDGEPRUNE_TOOLCHAIN names neither.
        ToolchainError: none is installed.
    """
    wanted = os.environ.get("EDGEPRUNE_TOOLCHAIN") or None
    if wanted not in (None, GCC, ZIG):
        raise UsageError(f"unknown toolchain '{wanted}'", hint=f"EDGEPRUNE_TOOLCHAIN is {GCC} or {ZIG}")
    names = [_GCC[architecture], *(["gcc"] if architecture is this_machine() else [])]
    gcc = next((found for name in names if (found := shutil.which(name))), None)
    if wanted in (None, GCC) and gcc:
        return _described(GCC, (gcc,), architecture)
    if wanted in (None, ZIG) and importlib.util.find_spec("ziglang"):
        # -P: no module of that name in the folder the user works in.
        command = (sys.executable, "-P", "-m", "ziglang", "cc", f"--target={_ZIG_TARGETS[architecture]}")
        return _described(ZIG, command, architecture)
    raise ToolchainError(f"no C compiler for {architecture} Linux: neither {names[0]} nor ziglang", hint=_HINT)


@cache
def _described(kind: str, command: tuple[str, ...], architecture: Architecture) -> LinuxCompiler:
    """`command` with its version, queried once a process."""
    compiler = LinuxCompiler(kind, command, architecture, "")
    queried = compiler.run(("--version",), Path.cwd())
    if queried.returncode != 0:
        raise ToolchainError(f"{' '.join(command)} --version failed: {queried.stderr.strip()[:500]}", hint=_HINT)
    return LinuxCompiler(kind, command, architecture, queried.stdout.splitlines()[0].strip())
