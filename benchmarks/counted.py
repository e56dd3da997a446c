"""Instructions of one inference on a Cortex-A72, counted by one plugin of QEMU's user mode for three runtimes.

Needs `qemu-aarch64` (`apt install qemu-user`: the static one takes no plugins), gcc, proot, and a folder of
scripts/arm64_root.sh in EDGEPRUNE_ARM64_ROOT. A count is the difference of two runs that differ in the number of
inferences alone, divided by it: loading a program, its runtime and its caches cancel out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from edgeprune.budget import Optimize
from edgeprune.deploy.hosted.built import build_programs
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.executorch import RUNNER_NAME, build_runner

CORE = "cortex-a72"
_TARGET = "raspberry-pi-4b"
_FEW, _MORE = 1, 5
_FEW_CALLS, _MORE_CALLS = 5, 45  # of LiteRT, whose Python does not take the same number of instructions twice
_LIMIT_S = 900


class Counter:
    """A folder with the plugin, until the block ends.

    Raises:
        ToolchainError: something of what it needs is not here.
    """

    def __init__(self) -> None:
        root = os.environ.get("EDGEPRUNE_ARM64_ROOT", "")
        found = {name: shutil.which(name) for name in ("qemu-aarch64", "proot", "gcc")}
        missing = [name for name, path in found.items() if path is None]
        if not Path(root, "opt", "litert").is_dir():
            missing.append("a folder of scripts/arm64_root.sh in EDGEPRUNE_ARM64_ROOT")
        if missing:
            raise ToolchainError(f"instructions cannot be counted without {', '.join(missing)}")
        self._root, self._folder = root, tempfile.TemporaryDirectory(prefix="edgeprune-counted-")
        self.folder = Path(self._folder.name)
        plugin = self.folder / "plugin.so"
        source = Path(__file__).with_name("counting_plugin.c")
        subprocess.run([found["gcc"], "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
        self._qemu = [str(found["qemu-aarch64"]), "-cpu", CORE, "-plugin", str(plugin)]

    def generated_c(self, tflite: bytes, sample: bytes) -> tuple[int, int]:
        """Instructions of an inference, and the bytes of the linked program, weights included.

        Args:
            sample: one input, int8, (1, H, W, C) as the file takes it.
        """
        target = load_target(_TARGET)
        model = compile_model(tflite, target, CompileOptions(Optimize.BALANCED, "counted"))
        program = build_programs(model, target, Architecture.AARCH64).own.content
        path = self._written("own", program)
        return self._by_samples([*self._qemu, str(path), "run"], sample), len(program)

    def executorch(self, pte: bytes, sample: bytes) -> tuple[int, int]:
        """Instructions of an inference, and the bytes of the program, the runner and its libraries."""
        runner = build_runner(Architecture.AARCH64)
        for name, content in runner.files.items():
            self._written(name, content)
        path = self._written("model.pte", pte)
        words = [*self._qemu, "-L", "/usr/aarch64-linux-gnu", str(self.folder / RUNNER_NAME), str(path), "run"]
        return self._by_samples(words, sample), len(pte) + runner.size_bytes

    def litert(self, tflite: bytes, sample: bytes) -> tuple[int, int]:
        """Instructions of an `invoke`, Python's call of it included, and the bytes of the file, LiteRT and numpy."""
        self._written("model.tflite", tflite)
        self._written("runner.py", (shipped("firmware") / "hosted" / "litert" / "runner.py").read_bytes())
        inside = ["proot", "-q", " ".join(self._qemu), "-r", self._root, "-b", "/dev", "-b", "/proc"]
        inside += [
            "-b",
            str(self.folder),
            "-w",
            str(self.folder),
            "/opt/litert/bin/python3",
            "runner.py",
            "model.tflite",
        ]
        few, more = (self._count([*inside, "time", "0", str(calls)], sample) for calls in (_FEW_CALLS, _MORE_CALLS))
        told = subprocess.run([*inside, "identity"], capture_output=True, check=True, timeout=_LIMIT_S).stdout.decode()
        (runtime_bytes,) = re.findall(r"^runtime_bytes (\d+)$", told, re.MULTILINE)
        return (more - few) // (_MORE_CALLS - _FEW_CALLS), len(tflite) + int(runtime_bytes)

    def _by_samples(self, words: list[str], sample: bytes) -> int:
        few, more = (self._count(words, sample * samples) for samples in (_FEW, _MORE))
        return (more - few) // (_MORE - _FEW)

    def _count(self, words: list[str], given: bytes) -> int:
        done = subprocess.run(
            words,
            input=given,
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )
        (count,) = re.findall(r"^instructions (\d+)$", done.stderr.decode(errors="replace"), re.MULTILINE)
        return int(count)

    def _written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o755)
        return path

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *ended: object) -> None:
        self._folder.cleanup()
