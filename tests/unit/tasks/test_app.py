"""A package for somebody's program is built and run: C++ on two architectures, Python, each against its own vector."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.cli.main import main

ARM64 = "aarch64-linux-gnu-"
HOST, PI = ["gcc", "g++"], [f"{ARM64}gcc", f"{ARM64}g++"]
QEMU = ["qemu-aarch64-static", "-cpu", "cortex-a72", "-L", "/usr/aarch64-linux-gnu"]
PROJECT = """
[model]
entry = "net.py:build"
input = [3, 8, 8]
name = "small"

[data]
entry = "net.py:data"
mean = [0.5, 0.4, 0.3]
std = [0.25]
"""
SOURCE = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4)
    )

def data():
    images = torch.rand(48, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(48) % 4
    return {"train": (images[:40], labels[:40]), "test": (images[40:], labels[40:])}
"""


def export(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["export", *words, "--json"])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "edgeprune.toml").write_text(PROJECT)
    (folder / "net.py").write_text(SOURCE)
    assert export("--project", str(folder), "--package", str(folder / "app")) == 0
    return folder / "app"


def built(package: Path, name: str, compilers: list[str]) -> Path:
    for tool in ("cmake", *compilers):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} is installed")
    folder = package / name
    chosen = [f"-DCMAKE_C_COMPILER={compilers[0]}", f"-DCMAKE_CXX_COMPILER={compilers[1]}"]
    for words in (["cmake", *chosen, "-S", ".", "-B", name], ["cmake", "--build", name]):
        done = subprocess.run(words, cwd=package, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "app"


def run(words: list[str], package: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=package, capture_output=True, text=True, timeout=120)


def test_cpp_gives_litert_s_bytes_and_notices_others(package: Path) -> None:
    program = str(built(package, "build", HOST))
    done = run([program, "--check"], package)
    assert (done.returncode, done.stdout) == (0, "8 samples, 0 outputs differ\n"), done.stderr
    shown = run([program, "vector/input.bin"], package).stdout.splitlines()
    assert len(shown) == 8 and all("(largest: " in line for line in shown)
    wanted = package / "vector" / "output.bin"
    whole = wanted.read_bytes()
    try:
        wanted.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        done = run([program, "--check"], package)
        assert (done.returncode, done.stdout) == (1, "8 samples, 1 outputs differ\n")
        wanted.write_bytes(whole[:-1])
        assert run([program, "--check"], package).returncode == 2
    finally:
        wanted.write_bytes(whole)
    assert run([program, "absent"], package).returncode == 2


@pytest.mark.slow
def test_cpp_for_a_pi_gives_the_same_bytes(package: Path) -> None:
    if shutil.which(QEMU[0]) is None:
        pytest.skip("no qemu-user-static is installed")
    program = built(package, "build-pi", PI)
    done = run([*QEMU, str(program), "--check"], package)
    assert (done.returncode, done.stdout) == (0, "8 samples, 0 outputs differ\n"), done.stderr


def test_python_is_near(package: Path) -> None:
    done = run([sys.executable, "main.py", "--check"], package)
    assert done.returncode == 0 and done.stdout.startswith("8 samples, at most "), done.stderr


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert export("--package", str(tmp_path)) == 2
    assert "holds something else" in capsys.readouterr().out
    assert export("--package", str(tmp_path / "new"), "--format", "xnnpack") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
