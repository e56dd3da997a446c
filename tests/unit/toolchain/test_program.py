"""A generated model as a static program: built by both compilers, run, its bytes LiteRT's."""

from __future__ import annotations

import io
import shutil

import pytest
from elftools.elf.elffile import ELFFile

from edgeprune.device.machines.local import LocalMachine, emulator_of
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import find_linux_compiler, this_machine
from edgeprune.toolchain.program import Program, build_program
from tests.unit.deploy.hosted.small_model import small

MACHINES = {Architecture.AARCH64: "EM_AARCH64", Architecture.ARMV7: "EM_ARM", Architecture.X86_64: "EM_X86_64"}


def machine(architecture: Architecture) -> LocalMachine:
    if architecture is this_machine():
        return LocalMachine(architecture)
    emulator = emulator_of(architecture, ())
    if emulator is None:
        pytest.skip(f"no QEMU user-mode emulation of {architecture} is installed")
    return LocalMachine(architecture, emulator)


def built(architecture: Architecture) -> Program:
    return build_program(small().sources, architecture)


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
@pytest.mark.parametrize("architecture", list(Architecture))
def test_bytes_are_litert_s(architecture: Architecture, compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPRUNE_TOOLCHAIN", compiler)
    try:
        find_linux_compiler(architecture)
    except ToolchainError as missing:
        pytest.skip(missing.message)
    program, samples = built(architecture), small().samples(4)
    where = machine(architecture)
    try:
        folder = where.install({"model": program.content})
        output = where.run(folder, ["./model", "run"], samples.tobytes(), 60)
    finally:
        where.close()
    assert output[:-16] == small().expected(samples).tobytes()
    assert output[-16:-12] == b"EPOK"


@pytest.mark.parametrize("architecture", [Architecture.AARCH64])
def test_it_needs_no_library_and_is_small(architecture: Architecture) -> None:
    program = built(architecture)
    elf = ELFFile(io.BytesIO(program.content))
    assert elf["e_machine"] == MACHINES[architecture]
    assert elf.get_section_by_name(".interp") is None and elf.get_section_by_name(".dynamic") is None
    assert elf.get_section_by_name(".symtab") is None
    assert sum(program.file_parts.values()) == len(program.content) < 20_000
    assert program.file_parts["kernels"] > 0 and program.file_parts["model"] > 0
    assert program.file_parts["constants"] >= 8 * 9 + 8 * 9 + 12 * 8 + 12 * 4
    assert program.memory_parts["arena"] == small().model.plan.arena_bytes


def test_a_sample_cut_off_and_words_unknown_end_it_in_words() -> None:
    architecture = this_machine()
    if architecture is None:
        pytest.skip("this machine runs no Linux programs of ours")
    where = machine(architecture)
    try:
        folder = where.install({"model": built(architecture).content})
        with pytest.raises(DeviceError, match="input ends inside a sample"):
            where.run(folder, ["./model", "run"], b"short", 60)
        for words in (["fly"], ["time", "1", "0"], ["time", "x", "1"], ["time", "1", "1", "9999"], []):
            with pytest.raises(DeviceError, match="status 2"):
                where.run(folder, ["./model", *words], bytes(64), 60)
    finally:
        where.close()


def test_a_program_of_another_processor_is_refused_in_words() -> None:
    if this_machine() is not Architecture.X86_64 or shutil.which("qemu-aarch64-static") is None:
        pytest.skip("shown on x86-64 with QEMU alone")
    where = LocalMachine(Architecture.AARCH64, ("qemu-aarch64-static",))
    try:
        folder = where.install({"model": built(Architecture.X86_64).content})
        with pytest.raises(DeviceError):
            where.run(folder, ["./model", "identity"], b"", 60)
    finally:
        where.close()


def test_an_unknown_toolchain_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPRUNE_TOOLCHAIN", "icc")
    with pytest.raises(UsageError, match="icc"):
        find_linux_compiler(Architecture.AARCH64)
