"""The Pico's boot stage, from the ROM's hand to the console: quad reads where the flash has them, else plain ones."""

from __future__ import annotations

import pytest

from edgeprune.hardware.registry import load_target
from tests.ports.bursts import READY
from tests.ports.chips import BOARDS
from tests.ports.families.rp2040_boot import BOOT2_COPY, FlashChip, Rp2040Boot
from tests.ports.machine import Machine

NAME = "raspberry-pi-pico"
CHIPS = [
    pytest.param(FlashChip(quad_enabled=True), 40, id="quad reads are on"),
    pytest.param(FlashChip(), 40, id="quad reads are off"),
    pytest.param(FlashChip(has_quad=False), 256, id="no quad reads"),
]


@pytest.mark.parametrize(("flash", "cycles"), CHIPS)
def test_the_image_starts_from_any_flash(image, flash, cycles) -> None:
    board = Machine(load_target(NAME), image(NAME), BOARDS[NAME].chip(), Rp2040Boot)
    family = board.family
    assert isinstance(family, Rp2040Boot)
    family.flash = flash
    board.uc.mem_write(BOOT2_COPY, bytes(board.uc.mem_read(0x1000_0000, 256)))
    board.begin_at(BOOT2_COPY | 1)
    board.run_to(READY)
    family.finished()
    assert board.bus.complaints == []
    assert family.core_cycles_a_word() == cycles
    assert flash.quad_enabled == flash.has_quad
    assert not any(sent[0] in (0x01, 0x06) for sent in flash.commands)  # nothing that outlives the power
