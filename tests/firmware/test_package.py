"""`edgeprune build --package`: the folder builds by itself, without a warning, and computes LiteRT's bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import package
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import Firmware
from edgeprune.toolchain.size import ImageSize
from tests.firmware.host_engine import WARNINGS, random_samples, run_litert
from tests.firmware.random_nets import random_net

STRICT = "-Wall -Wextra -Werror -Wconversion"
MAIN = Path(__file__).with_name("package_main.c")
LIBC = shipped("firmware") / "libc" / "include"
CORES = {"ref": "cortex-m4", "scalar": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55", "vector": "cortex-m4"}
KERNELS = sorted((shipped("firmware") / "kernels").glob("*/*.c"))
SIZE = ImageSize({"runtime": 0, "kernels": 1234, "model": 4321, "constants": 0}, {"arena": 0, "stack": 0, "data": 0})
IMAGE = Firmware(
    *([Path("none")] * 4), None, "0" * 16, "none", "gcc (12)", SIZE
)  # stands for a link, which measures sizes


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def write_package(model: bytes, target_name: str, folder: Path, optimize: Optimize = Optimize.BALANCED) -> None:
    target = load_target(target_name)
    compiled = compile_model(model, target, CompileOptions(optimize, "net", "edgeprune build net.tflite"))
    for name, text in package(compiled, target, IMAGE).items():
        (folder / name).write_text(text)


def done(command: Sequence[str | Path], folder: Path) -> None:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]


def assert_litert_bytes(program: Path, model: bytes) -> None:
    samples = random_samples(model, 4, seed=2)
    sent = b"".join(np.ascontiguousarray(value).tobytes() for sample in samples for value in sample)
    got = subprocess.run([program], input=sent, capture_output=True, check=True, timeout=60).stdout
    assert got == b"".join(value.tobytes() for sample in run_litert(model, samples) for value in sample)


@needs("make")
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4"])
def test_make_on_the_host(target: str, tmp_path: Path) -> None:
    model = random_net(7, 12)
    write_package(model, target, tmp_path)
    done(["make", "CC=gcc", "AR=ar", "CPU_FLAGS=", f"CFLAGS={STRICT}"], tmp_path)
    done(["gcc", *WARNINGS, "-I.", MAIN, "libmodel.a", "-o", "model"], tmp_path)
    assert_litert_bytes(tmp_path / "model", model)


@needs("cmake")
@needs("clang")
def test_cmake_with_clang_on_the_host(tmp_path: Path) -> None:
    model, folder = random_net(8, 12), tmp_path / "model"
    folder.mkdir()
    write_package(model, "cortex-m4", folder, Optimize.SPEED)
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.13)\nproject(firmware C)\nadd_subdirectory(model)\n"
        f"add_executable(firmware {MAIN})\ntarget_link_libraries(firmware edgeprune_model)\n"
    )
    done(["cmake", "-DCMAKE_C_COMPILER=clang", f"-DCMAKE_C_FLAGS={STRICT}", "-B", "build", "."], tmp_path)
    done(["cmake", "--build", "build"], tmp_path)
    assert_litert_bytes(tmp_path / "build" / "firmware", model)


@needs("make")
@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_make_for_arm(target: str, tmp_path: Path) -> None:
    write_package(random_net(9, 12), target, tmp_path)
    done(["make", f"CFLAGS={STRICT} -I{LIBC}"], tmp_path)
    done(["make", "clean"], tmp_path)
    assert not list(tmp_path.glob("*.o"))


@needs("g++")
def test_cpp_firmware_may_include_the_model(tmp_path: Path) -> None:
    write_package(random_net(9, 3), "cortex-m4", tmp_path)
    (tmp_path / "main.cpp").write_text('#include "ep_model.h"\nint main() { ep_model_invoke(); }\n')
    done(["gcc", "-O1", "-c", *(path.name for path in tmp_path.glob("*.c"))], tmp_path)
    done(["g++", "-Wall", "-Werror", "main.cpp", *(path.name for path in tmp_path.glob("*.o")), "-o", "x"], tmp_path)


def test_readme_states_sizes_and_ends(tmp_path: Path) -> None:
    model = random_net(7, 6)
    write_package(model, "cortex-m4", tmp_path)
    text, header = (tmp_path / "README.md").read_text(), (tmp_path / "ep_model.h").read_text()
    arena = re.search(r"EP_MODEL_ARENA_BYTES (\d+)U", header)
    assert arena is not None and f"| {int(arena[1]):,} | RAM" in text
    assert "| 5,555 | flash: kernels and layers, as linked for cortex-m4 with gcc (12) |" in text
    assert "`ep_model_inputs[0]` | int8 [1, " in text and "`ep_model_outputs[0]` | int8 [1, 7] | 7 |" in text


@pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(("gcc",), id="gcc"),
        pytest.param(("clang",), id="clang", marks=needs("clang")),
        pytest.param(("arm-none-eabi-gcc", "-mthumb"), id="arm-gcc", marks=needs("arm-none-eabi-gcc")),
        pytest.param(("clang", "--target=thumb-none-eabi"), id="arm-clang", marks=needs("clang")),
    ],
)
@pytest.mark.parametrize("isa", sorted({path.parent.name for path in KERNELS}))
def test_every_kernel_compiles_without_a_warning(compiler: tuple[str, ...], isa: str, tmp_path: Path) -> None:
    if "thumb" in compiler[-1]:
        compiler = (*compiler, f"-mcpu={CORES[isa]}", f"-I{LIBC}")
    if isa == "mve":
        if "thumb" not in "".join(compiler):
            pytest.skip("vector kernels are for the cores that have the vectors")
        compiler = (*compiler, "-mfloat-abi=hard")
    includes = (f"-I{shipped('firmware') / 'include'}", f"-I{shipped('firmware') / 'kernels'}")
    files = [str(path) for path in KERNELS if path.parent.name == isa]
    done([*compiler, *WARNINGS, "-O2", *includes, "-c", *files], tmp_path)


def test_no_kernel_allocates_or_jumps() -> None:
    for path in (*KERNELS, *(shipped("firmware") / "include").rglob("*.h")):
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\b(malloc|calloc|alloca|free|goto|union|setjmp)\b", code), path.name
