"""The RP2040's 256 bytes: boot2.c holds boot2.S assembled, padded, and the CRC the ROM asks for.

python tests/firmware/test_boot2.py prints boot2.c anew.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.toolchain import find_toolchain

FOLDER = shipped("firmware") / "boards" / "rp2040"
CODE_BYTES = 252


def crc32_msb_first(data: bytes) -> int:
    """RP2040 data sheet, section 2.8.1.3.1: polynomial 0x04c11db7, all ones at first, nothing reflected or inverted."""
    state = 0xFFFF_FFFF
    for byte in data:
        state ^= byte << 24
        for _ in range(8):
            state = (state << 1 ^ (0x04C1_1DB7 if state >> 31 else 0)) & 0xFFFF_FFFF
    return state


def assembled(folder: Path) -> list[int]:
    """The 64 words."""
    toolchain = find_toolchain("gcc")
    made = toolchain.run(("-c", "-mthumb", str(FOLDER / "boot2.S"), "-o", "boot2.o"), folder)
    assert made.returncode == 0, made.stderr
    objcopy = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "boot2.o", "boot2.bin"]
    subprocess.run(objcopy, cwd=folder, check=True)
    code = (folder / "boot2.bin").read_bytes()
    assert len(code) <= CODE_BYTES
    code = code.ljust(CODE_BYTES, b"\0")
    whole = code + crc32_msb_first(code).to_bytes(4, "little")
    return [int.from_bytes(whole[at : at + 4], "little") for at in range(0, 256, 4)]


def shipped_words() -> list[int]:
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{8})u", (FOLDER / "boot2.c").read_text())]


def test_the_crc_is_the_one_of_the_catalogues() -> None:
    """CRC-32/MPEG-2 of the usual nine digits."""
    assert crc32_msb_first(b"123456789") == 0x0376E6E7


def test_boot2_is_its_source_assembled(tmp_path) -> None:
    assert shipped_words() == assembled(tmp_path)


@pytest.mark.parametrize("name", ["raspberry-pi-pico"])
def test_an_image_begins_with_it(name, tmp_path) -> None:
    from edgeprune.toolchain.firmware import build_firmware
    from tests.emulator.conftest import tiny_sources

    firmware = build_firmware(tiny_sources(name), load_target(name), tmp_path)
    image = firmware.bin.read_bytes()
    assert [int.from_bytes(image[at : at + 4], "little") for at in range(0, 256, 4)] == shipped_words()
    stack, start = (int.from_bytes(image[at : at + 4], "little") for at in (256, 260))
    assert 0x2000_0000 < stack <= 0x2004_2000 and 0x1000_0100 < start < 0x1000_0000 + len(image) and start & 1


if __name__ == "__main__":
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        words = assembled(Path(name))
    rows = [", ".join(f"0x{word:08x}u" for word in words[at : at + 8]) for at in range(0, 64, 8)]
    sys.stdout.write(
        "/* boot2.S assembled, padded to 252 bytes, and its CRC-32: see there. */\n#include <stdint.h>\n\n"
        '__attribute__((section(".boot2"), used)) static const uint32_t boot2[64] = {\n    '
        + ",\n    ".join(rows)
        + ",\n};\n"
    )
