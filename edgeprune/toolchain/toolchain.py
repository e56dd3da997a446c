"""The cross compiler: Arm's gcc where it is installed, else the clang inside PyPI's `ziglang`.

Both build the same sources without a C library; only this file depends on how their flags differ.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgeprune.errors import ToolchainError, UsageError
from edgeprune.hardware.profile import Cpu

GCC = "gcc"
ZIG = "zig"
_PROGRAM = "arm-none-eabi-gcc"
_HINT = "install one: `apt install gcc-arm-none-eabi`, or `pip install edgeprune[zig]`"

_COMMON_FLAGS = (
    "-std=c11", "-mthumb", "-ffreestanding", "-ffunction-sections", "-fdata-sections",
    "-fno-common", "-fno-strict-aliasing", "-fomit-frame-pointer", "-ffp-contract=off",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables",
    "-Wall", "-Wextra", "-Werror=implicit-function-declaration",
    "-g",  # into the ELF file alone: no byte of it is loaded
)  # fmt: skip

# gcc derives all else from the core's name; zig needs every optional part of the core named.
_GCC_FPU = {"cortex-m4": "fpv4-sp-d16", "cortex-m7": "fpv5-sp-d16", "cortex-m33": "fpv5-sp-d16"}
_ZIG_EXTENSIONS = {"cortex-m33": "+dsp"}
_ZIG_FPU = {
    "cortex-m4": "+vfp4d16sp", "cortex-m7": "+fp_armv8d16sp", "cortex-m33": "+fp_armv8d16sp",
    "cortex-m55": "+mve_fp", "cortex-m85": "+mve_fp",
}  # fmt: skip
_CORES = ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "cortex-m85")

_UNWRITTEN = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO))


@dataclass(frozen=True)
class Toolchain:
    """One compiler that also links.

    Attributes:
        kind: "gcc" or "zig".
        command: the words a call starts with.
        version: first line of `--version`; part of every build id.
    """

    kind: str
    command: tuple[str, ...]
    version: str

    def cpu_flags(self, cpu: Cpu) -> tuple[str, ...]:
        """Flags that choose the core and its float ABI.

        Raises:
            UsageError: no compiler here builds for that core.
        """
        if cpu.core not in _CORES:
            raise UsageError(f"no firmware is built for core '{cpu.core}'", hint=f"one of {', '.join(_CORES)}")
        if self.kind == ZIG:
            abi = "eabihf" if cpu.fpu else "eabi"
            features = _ZIG_EXTENSIONS.get(cpu.core, "") + (_ZIG_FPU.get(cpu.core, "") if cpu.fpu else "")
            return (f"--target=thumb-freestanding-{abi}", f"-mcpu={cpu.core.replace('-', '_')}{features}")
        if not cpu.fpu:
            return (f"-mcpu={cpu.core}", "-mfloat-abi=soft")
        fpu = _GCC_FPU.get(cpu.core)
        return (f"-mcpu={cpu.core}", "-mfloat-abi=hard", *((f"-mfpu={fpu}",) if fpu else ()))

    @property
    def common_flags(self) -> tuple[str, ...]:
        # zig traps undefined behaviour in C by default; those checks would be linked into the image.
        return (*_COMMON_FLAGS, "-fno-sanitize=undefined") if self.kind == ZIG else _COMMON_FLAGS

    @property
    def size_flags(self) -> tuple[str, ...]:
        """For code that runs seldom and should be small."""
        return ("-Oz",) if self.kind == ZIG else ("-Os", "-fno-tree-loop-optimize")

    @property
    def libc_flags(self) -> tuple[str, ...]:
        """For `libc/string.c`: no loop in there may become a call of the function it defines."""
        if self.kind == ZIG:
            return ("-Os", "-fno-builtin")  # -O2 would unroll memcpy to three times its size
        return ("-O2", "-fno-builtin", "-fno-tree-loop-distribute-patterns")

    @property
    def link_flags(self) -> tuple[tuple[str, ...], ...]:
        """Flags to link with; the next ones are for when symbols stay undefined with the first.

        Large cores need none of zig's compiler-rt, which it compiles from source on first use.
        """
        flags = ("-nostartfiles", "-static", "-Wl,--gc-sections", "-Wl,--build-id=none")
        if self.kind == ZIG:
            return ((*flags, "-nostdlib"), flags)
        return ((*flags, "-nostdlib", "-Wl,--no-warn-rwx-segments", "-Wl,--emit-relocs"),)

    @property
    def link_libraries(self) -> tuple[str, ...]:
        """The compiler's own run-time functions; zig adds its compiler-rt by itself."""
        return () if self.kind == ZIG else ("-lgcc",)

    def run(self, arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs the compiler in `folder` without a shell; the caller judges its exit status.

        Raises:
            ToolchainError: it cannot be started, or write its files.
        """
        environment = os.environ | {"LC_ALL": "C"}
        try:
            done = subprocess.run(
                [*self.command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise ToolchainError(f"{self.command[0]} cannot be started: {error}", hint=_HINT) from error
        unwritten = next((words for words in _UNWRITTEN if done.returncode and words in done.stderr), None)
        if unwritten is not None:
            raise ToolchainError(
                f"the compiler cannot write into {tempfile.gettempdir()}: {unwritten}",
                hint="free some space there, or name another folder in TMPDIR, and run the same command again",
            )
        return done


def find_toolchain(prefer: str | None = None) -> Toolchain:
    """The compiler to build with: `prefer`, else `EDGEPRUNE_TOOLCHAIN`, else gcc, else zig.

    Args:
        prefer: "gcc" or "zig"; no other is taken then.

    Raises:
        UsageError: `prefer` names neither.
        ToolchainError: none is installed.
    """
    wanted = prefer or os.environ.get("EDGEPRUNE_TOOLCHAIN") or None
    if wanted not in (None, GCC, ZIG):
        raise UsageError(f"unknown toolchain '{wanted}'", hint=f"EDGEPRUNE_TOOLCHAIN is {GCC} or {ZIG}")
    if wanted in (None, GCC) and (gcc := shutil.which(_PROGRAM)):
        return _described(GCC, (gcc,))
    if wanted in (None, ZIG) and importlib.util.find_spec("ziglang"):
        # -P: no module of that name in the folder the user works in.
        return _described(ZIG, (sys.executable, "-P", "-m", "ziglang", "cc"))
    names = {GCC: _PROGRAM, ZIG: "the ziglang package"}
    missing = names[wanted] if wanted else f"neither {_PROGRAM} nor the ziglang package"
    raise ToolchainError(f"{missing} {'is not' if wanted else 'is'} installed: no C compiler for Cortex-M", hint=_HINT)


@cache
def _described(kind: str, command: tuple[str, ...]) -> Toolchain:
    """`command` with its version, queried once a process."""
    toolchain = Toolchain(kind, command, "")
    queried = toolchain.run(("--version",), Path.cwd())
    if queried.returncode != 0:
        raise ToolchainError(f"{' '.join(command)} --version failed: {queried.stderr.strip()[:500]}", hint=_HINT)
    return Toolchain(kind, command, queried.stdout.splitlines()[0].strip())
