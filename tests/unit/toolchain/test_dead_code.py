"""Debug information of functions that the linker left out, in lists of address ranges as DWARF 4 has them."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from edgeprune.toolchain.dead_code import without_dead_code

SOURCE = "int left_out(int x) { return x + 1; }\nint kept(void) { return 2; }\nvoid _start(void) { kept(); }\n"


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
def test_a_function_left_out_begins_no_base_address(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(SOURCE)
    words = ["-mcpu=cortex-m4", "-mthumb", "-gdwarf-4", "-ffunction-sections", "-nostdlib", "-Wl,--gc-sections"]
    subprocess.run(["arm-none-eabi-gcc", *words, "-Wl,--emit-relocs", "a.c", "-o", "a.elf"], cwd=tmp_path, check=True)
    elf = ELFFile(io.BytesIO(without_dead_code((tmp_path / "a.elf").read_bytes())))
    ranges = list(struct.iter_unpack("<II", elf.get_section_by_name(".debug_ranges").data()))
    assert ranges.count((0xFFFF_FFFE, 0xFFFF_FFFE)) == 1 and ranges[-1] == (0, 0)
    assert all(first < end < 0xFFFF_FFFE for first, end in ranges[:-1] if first != 0xFFFF_FFFE)
