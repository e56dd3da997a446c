"""What `picotool info` finds in images of the Pico boards, read as it reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edgeprune.hardware.registry import load_target
from edgeprune.toolchain.firmware import build_firmware
from tests.emulator.conftest import tiny_sources

FLASH = 0x1000_0000
BEGIN, END = 0x7188EBF2, 0xE71AA390
NAMES = {0x02031C86: "name", 0x11A9BC3A: "version", 0xB6A07C19: "description", 0xB63CFFBB: "board"}


def shown(image: bytes, first_byte: int, words: int) -> dict[str, str]:
    """Of a header that lies in so many words from there on."""

    def word(address: int) -> int:
        return int(struct.unpack_from("<I", image, address - FLASH)[0])

    window = struct.unpack_from(f"<{words}I", image, first_byte)
    at = next(index for index in range(words - 4) if window[index] == BEGIN and window[index + 4] == END)
    start, stop, copied = window[at + 1 : at + 4]
    assert start < stop and start % 4 == stop % 4 == 0 and word(copied) == 0
    found = {}
    for address in (word(place) for place in range(start, stop, 4)):
        kind, tag = struct.unpack_from("<HH", image, address - FLASH)
        assert (kind, tag) == (6, int.from_bytes(b"RP", "little"))
        text = word(address + 8) - FLASH
        found[NAMES[word(address + 4)]] = image[text : image.index(b"\0", text)].decode("ascii")
    return found


@pytest.mark.parametrize(
    ("target", "first_byte", "words"),
    [("raspberry-pi-pico", 0x100, 64), ("raspberry-pi-pico-2", 0, 256)],
)
def test_a_picos_image_says_what_it_is(target: str, first_byte: int, words: int, tmp_path: Path) -> None:
    firmware = build_firmware(tiny_sources(target), load_target(target), tmp_path)
    assert shown(firmware.bin.read_bytes(), first_byte, words) == {
        "name": "tiny01",
        "version": firmware.build_id,
        "description": "EdgePrune",
        "board": target,
    }
