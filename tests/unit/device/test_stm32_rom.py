"""The STM32 ROM loader against a chip in Python: pages, verification, resets, and a wire that damages bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.device.image.segments import Image, Segment, image_of
from edgeprune.device.links.wiring import WIRINGS, wirings
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.pages import PageMap
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.write_image import Erase, WriteOptions, write_image
from edgeprune.errors import DeviceError, DoesNotFit, EdgePruneError, UsageError, VerificationError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from tests.unit.device.fake_rom import FakeRom

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0)
TARGET = load_target("stm32f4-discovery")
PROFILE = TARGET.loaders[0]
F407 = (16384,) * 4 + (65536,) + (131072,) * 7
ORIGIN = 0x0800_0000


def rom_loader(rom: FakeRom, wiring: str = "none") -> Stm32Rom:
    return Stm32Rom(rom, TARGET, PROFILE, rom, wirings(wiring), NOW)


def an_image(size_bytes: int, address: int = ORIGIN, seed: int = 0) -> Image:
    return Image((Segment(address, random.Random(seed).randbytes(size_bytes)),))


@pytest.mark.parametrize("extended", [True, False])
def test_an_image_is_written_to_just_the_pages_it_needs(extended: bool) -> None:
    rom = FakeRom(F407, extended=extended)
    image = an_image(40_001)
    report = write_image(rom_loader(rom), image, WriteOptions(), Silent())
    assert rom.flash[:40_001] == image.segments[0].content
    assert rom.erased == [0, 1, 2]
    assert set(rom.flash[49_152:]) == {0x5A}
    assert rom.started_at == ORIGIN
    assert (report.size_bytes, report.verified, report.started) == (40_001, True, True)


@pytest.mark.parametrize("extended", [True, False])
def test_erasing_all_erases_all(extended: bool) -> None:
    rom = FakeRom(F407, extended=extended)
    write_image(rom_loader(rom), an_image(100), WriteOptions(erase=Erase.ALL, start=False), Silent())
    assert set(rom.flash[128:]) == {0xFF}
    assert rom.started_at is None


def test_separate_segments_leave_what_is_between_them() -> None:
    rom = FakeRom(F407)
    image = image_of([Segment(ORIGIN, b"a" * 10), Segment(ORIGIN + 0x1_0000, b"b" * 10)], "x")
    write_image(rom_loader(rom), image, WriteOptions(), Silent())
    assert rom.erased == [0, 4]
    assert rom.flash[0x1_0000:0x1_000A] == b"b" * 10


@pytest.mark.parametrize("address", [ORIGIN - 4, ORIGIN + (1 << 20) - 8, 0x2000_0000])
def test_an_image_beyond_flash_is_refused_before_anything_is_erased(address: int) -> None:
    rom = FakeRom(F407)
    with pytest.raises(DoesNotFit, match="takes 0x08000000 to 0x08100000"):
        write_image(rom_loader(rom), an_image(64, address), WriteOptions(), Silent())
    assert rom.erased == []


def test_another_chip_is_refused() -> None:
    with pytest.raises(DeviceError, match="product id 0x421, stm32f4-discovery has 0x413"):
        write_image(rom_loader(FakeRom(F407, product_id=0x421)), an_image(64), WriteOptions(), Silent())


def test_a_port_without_answers_is_reported_with_the_pins_of_the_rom() -> None:
    rom = FakeRom(F407)
    rom.in_loader = False
    with pytest.raises(DeviceError, match=r"it listens on USART3, PB10 \(TX\), PB11 \(RX\)") as caught:
        write_image(rom_loader(rom), an_image(64), WriteOptions(), Silent())
    assert "BOOT0" in (caught.value.hint or "")


def test_a_target_without_sectors_is_reported() -> None:
    region = TARGET.memory[0].model_copy(update={"sectors": ()})
    target = TARGET.model_copy(update={"memory": (region, *TARGET.memory[1:])})
    with pytest.raises(UsageError, match="does not list the sectors"):
        Stm32Rom(FakeRom(F407), target, PROFILE, timing=NOW).connect()


def test_reset_and_boot0_lead_into_the_loader_and_out_of_it() -> None:
    rom = FakeRom(F407)
    rom.in_loader = False
    write_image(rom_loader(rom, "auto"), an_image(64), WriteOptions(), Silent())
    assert not rom.in_loader
    assert rom.started_at is None  # by reset, not by Go


def test_every_wiring_asserts_reset_once_and_lets_go() -> None:
    for wiring in WIRINGS:
        seen: list[tuple[bool, bool]] = []

        class Lines:
            def set_lines(self, dtr: bool, rts: bool) -> None:
                seen.append((dtr, rts))  # noqa: B023

        wiring.start_loader(Lines())
        at = 0 if wiring.reset == "dtr" else 1
        assert [state[at] for state in seen] == [True, False]
        assert {state[1 - at] for state in seen} == {wiring.boot_asserted}


def test_flash_that_does_not_take_is_found() -> None:
    rom = FakeRom(F407)
    stuck = rom.flash

    class Worn(bytearray):
        def __setitem__(self, place, value) -> None:
            super().__setitem__(place, value)
            super().__setitem__(300, 0x00)

    rom.flash = Worn(stuck)
    with pytest.raises(VerificationError, match="at 0x08000100 and in 1 of 4 blocks") as caught:
        write_image(rom_loader(rom), an_image(1000, seed=3), WriteOptions(), Silent())
    assert "worn out" in (caught.value.hint or "")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30), st.sampled_from([0.001, 0.01, 0.05]))
def test_a_wire_that_damages_bytes_ends_in_the_image_or_in_an_error(seed: int, rate: float) -> None:
    chance = random.Random(seed)
    rom = FakeRom((1024,) * 8)
    rom.damage = lambda data: _damaged(data, chance, rate)
    image = an_image(1500, seed=seed)
    target = TARGET.model_copy(
        update={"memory": (TARGET.memory[0].model_copy(update={"sectors": (_run(8, 1024),), "size_bytes": 8192}),)}
    )
    loader = Stm32Rom(rom, target, PROFILE, timing=NOW)
    try:
        report = write_image(loader, image, WriteOptions(start=False), Silent())
    except EdgePruneError as error:
        assert error.hint or error.message
        return
    assert report.verified
    assert rom.flash[:1500] == image.segments[0].content


def _run(count: int, size_bytes: int):
    return type(TARGET.memory[0].sectors[0])(count=count, size_bytes=size_bytes)


def _damaged(data: bytes, chance: random.Random, rate: float) -> bytes:
    out = bytearray()
    for byte in data:
        if chance.random() >= rate:
            out.append(byte)
        elif (kind := chance.randrange(3)) == 0:
            out.append(byte ^ 1 << chance.randrange(8))
        elif kind == 1:
            out += bytes([byte, byte])
    return bytes(out)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 30), st.integers(1, 12))
def test_touched_pages_are_those_that_share_a_byte(sizes: list[int], start: int, length: int) -> None:
    pages = PageMap(100, tuple(sizes))
    span = set(range(100 + start, 100 + start + length))
    expected = [
        number
        for number in range(len(sizes))
        if span & set(range(100 + sum(sizes[:number]), 100 + sum(sizes[: number + 1])))
    ]
    assert list(pages.touched([Segment(100 + start, b"x" * length)])) == expected
