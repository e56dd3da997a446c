"""How many bytes pass the wire for an image: what no baud rate can make up for."""

from __future__ import annotations

import random

import pytest

from edgeprune.device.image.application import make_application
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from tests.faulty_link import FaultyLink, Way
from tests.unit.device.fake_boot import FakeBoot
from tests.unit.device.fake_rom import FakeRom

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0, call_s=0.0)
SIZE_BYTES = 100 * 1024
MANNERS = 1.07  # commands, addresses, lengths and sums around blocks of 256
F407 = (16384,) * 4 + (65536,) + (131072,) * 7
BOARD = load_target("mps2-an386-boot")


def counted(device) -> FaultyLink:
    return FaultyLink(device, (), random.Random(0), 0.0)


def test_st_s_rom_is_sent_the_image_once_and_sends_it_back_once() -> None:
    target = load_target("stm32f4-discovery")
    image = Image((Segment(0x0800_0000, random.Random(0).randbytes(SIZE_BYTES)),))
    wire = counted(FakeRom(F407))
    write_image(Stm32Rom(wire, target, target.loaders[0], timing=NOW), image, WriteOptions(), Silent())
    assert wire.passed[Way.OUT] + wire.passed[Way.IN] <= 2 * MANNERS * SIZE_BYTES


def an_application(target: str) -> Image:
    boot = BOARD.boot
    payload = random.Random(0).randbytes(SIZE_BYTES - boot.header_bytes)
    return Image((make_application(Segment(boot.payload_origin, payload), boot.header_bytes, target),))


def test_our_bootloader_is_sent_the_image_once_and_sends_next_to_nothing() -> None:
    wire = counted(FakeBoot(BOARD.name, BOARD.boot))
    report = write_image(BootLoader(wire, BOARD.name, timing=NOW), an_application(BOARD.name), WriteOptions(), Silent())
    assert report.verified
    assert wire.passed[Way.OUT] <= MANNERS * SIZE_BYTES
    assert wire.passed[Way.IN] <= 0.02 * SIZE_BYTES


def test_another_boards_image_is_refused_with_flash_untouched() -> None:
    board = FakeBoot(BOARD.name, BOARD.boot)
    with pytest.raises(UsageError, match="is for a-stranger"):
        write_image(BootLoader(board, BOARD.name, timing=NOW), an_application("a-stranger"), WriteOptions(), Silent())
    assert board.erased == [] and set(board.flash) == {0x5A}
