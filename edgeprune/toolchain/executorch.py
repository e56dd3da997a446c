"""`firmware/hosted/executorch/runner.cpp` against the libraries of ExecuTorch's own wheel: what runs a `.pte` on Linux.

The wheel of this machine's architecture is the installed one. Another's is unpacked beside it by the user, once; its
Python is never imported: on 64-bit Arm it would need a torch that PyPI has with CUDA alone.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import ToolchainError, UsageError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import this_machine

RUNNER_NAME = "runner"
_VERSION = "1.5.1"
_LIBRARIES = (
    "executorch", "executorch_kernels_optimized", "executorch_kernels_quantized", "executorch_backend_xnnpack",
    "executorch_threadpool", "executorch_etdump",
)  # fmt: skip
_COMPILERS = {Architecture.AARCH64: "aarch64-linux-gnu-g++", Architecture.X86_64: "x86_64-linux-gnu-g++"}
_PLATFORMS = {Architecture.AARCH64: "manylinux_2_28_aarch64", Architecture.X86_64: "manylinux_2_28_x86_64"}
_LOADERS = {Architecture.AARCH64: "ld-linux-aarch64.so.1", Architecture.X86_64: "ld-linux-x86-64.so.2"}
_C_LIBRARIES = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1", "libstdc++.so.6")
_FLAGS = ("-std=c++20", "-O2", "-s", "-Wall", "-DC10_USING_CUSTOM_GENERATED_MACROS")
_SHOWN_LINES = 12


@dataclass(frozen=True)
class Runner:
    """What is installed side by side.

    Attributes:
        files: the runner and the libraries it loads.
        words: that start it, in their folder.
        version: of ExecuTorch.
    """

    files: Mapping[str, bytes]
    words: tuple[str, ...]
    version: str

    @property
    def size_bytes(self) -> int:
        return sum(len(content) for content in self.files.values())


def build_runner(architecture: Architecture) -> Runner:
    """Compiles and links it.

    Raises:
        UsageError: no wheel for this architecture is installed, or it has none.
        ToolchainError: no C++ compiler for it, or it failed.
    """
    packages = _packages(architecture)
    root, libraries = packages / "executorch", packages / "executorch" / "lib"
    include = root / "include"
    portable = include / "executorch" / "runtime" / "core" / "portable_type" / "c10"
    source = shipped("firmware") / "hosted" / "executorch" / "runner.cpp"
    with tempfile.TemporaryDirectory(prefix="edgeprune-pte-") as folder:
        program = Path(folder) / RUNNER_NAME
        words = [
            _compiler(architecture), *_FLAGS, f"-I{packages}", f"-I{include}", f"-I{portable}", str(source),
            "-o", str(program), f"-L{libraries}", "-Wl,--no-as-needed", *(f"-l{name}" for name in _LIBRARIES),
            "-Wl,-rpath,$ORIGIN",
        ]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
        if done.returncode != 0:
            messages = "\n".join(done.stderr.strip().splitlines()[:_SHOWN_LINES])
            raise ToolchainError(f"the runner of ExecuTorch programs does not compile:\n{messages}")
        files = {RUNNER_NAME: program.read_bytes()}
    for name in _LIBRARIES:
        files[f"lib{name}.so"] = (libraries / f"lib{name}.so").read_bytes()
    return Runner(files, (f"./{RUNNER_NAME}",), _VERSION)


def with_c_library(runner: Runner, architecture: Architecture) -> Runner:
    """The runner with the compiler's own C and C++ libraries and their loader: for Linux that has others, as Android.

    Raises:
        ToolchainError: the compiler has no such library.
    """
    files = dict(runner.files)
    for name in (_LOADERS[architecture], *_C_LIBRARIES):
        words = [_compiler(architecture), f"-print-file-name={name}"]
        told = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        path = Path(told)
        if not path.is_absolute() or not path.is_file():  # a bare name: the compiler knows of none
            raise ToolchainError(f"{words[0]} has no {name}", hint="install its C and C++ libraries, as Debian does")
        files[name] = path.read_bytes()
    return Runner(files, (f"./{_LOADERS[architecture]}", "--library-path", ".", *runner.words), runner.version)


def _packages(architecture: Architecture) -> Path:
    """The folder that holds the wheel's `executorch`."""
    if architecture not in _PLATFORMS:
        raise UsageError(
            f"ExecuTorch has no libraries for {architecture} Linux",
            hint="its wheels are for 64-bit systems; `edgeprune fit` makes a program of the int8 network itself",
        )
    if architecture is this_machine():
        found = importlib.util.find_spec("executorch")
        places = [] if found is None else list(found.submodule_search_locations or [])
        if not places:
            raise UsageError("ExecuTorch is not installed", hint="pip install 'edgeprune[executorch]'")
        return Path(places[0]).parent
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "edgeprune" / f"executorch-{_VERSION}-{architecture}"
    if not (folder / "executorch" / "lib" / "libexecutorch.so").is_file():
        raise UsageError(
            f"the libraries of ExecuTorch for {architecture} are not in {folder}",
            hint=f"pip install --no-deps --target {folder} --platform {_PLATFORMS[architecture]} "
            f"--only-binary=:all: --python-version 3.11 executorch=={_VERSION}",
        )
    return folder


def _compiler(architecture: Architecture) -> str:
    names = [_COMPILERS[architecture], *(["g++"] if architecture is this_machine() else [])]
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        package = "g++" if architecture is this_machine() else "g++-aarch64-linux-gnu"
        raise ToolchainError(
            f"no C++ compiler for {architecture} Linux: no {names[0]}", hint=f"`apt install {package}`"
        )
    return found
