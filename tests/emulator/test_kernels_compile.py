"""Every kernel's C compiles for the cores it may be chosen for, at every optimization, with either compiler."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.kernels import KERNEL_FLAGS
from edgeprune.toolchain.toolchain import GCC, ZIG, find_toolchain

# Targets of each core and FPU that kernels of a folder are chosen for; of ref, plain C, the least and the most able.
TARGETS = {
    "dsp": ("cortex-m4", "cortex-m7", "cortex-m33"),
    "ref": ("cortex-m0", "cortex-m55"),
    "scalar": ("cortex-m0", "cortex-m3"),
    "mve": ("cortex-m55",),
}
FLAGS = sorted({*KERNEL_FLAGS.values()})


@pytest.mark.parametrize(("isa", "target"), [(isa, target) for isa, targets in TARGETS.items() for target in targets])
@pytest.mark.parametrize("kind", [GCC, ZIG])
def test_kernels_compile(isa: str, target: str, kind: str, tmp_path: Path) -> None:
    if kind == ZIG and importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed")
    toolchain, firmware = find_toolchain(kind), shipped("firmware")
    sources = sorted((firmware / "kernels" / isa).glob("*.c"))
    assert sources
    cpu_flags = toolchain.cpu_flags(load_target(target).cpu)
    for flags in FLAGS:
        done = subprocess.run(
            [*toolchain.command, *toolchain.common_flags, *flags, *cpu_flags, f"-I{firmware / 'include'}",
             f"-I{firmware / 'libc' / 'include'}", "-c", *map(str, sources)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[:2000]
