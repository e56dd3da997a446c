"""The conversation itself: whose answer an answer is."""

from __future__ import annotations

import random

import pytest

from edgeprune.device.links.fake_link import FakeLink
from edgeprune.device.links.line_reader import NoAnswer
from edgeprune.device.loaders.an3155 import An3155, Timing
from edgeprune.errors import DeviceError
from tests.faulty_link import Damage, Fault, FaultyLink, Way
from tests.unit.device.fake_rom import FakeRom

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0, call_s=0.0)
ORIGIN = 0x0800_0000
BLOCKS = [bytes([value]) * 64 for value in (1, 2, 3, 4)]


@pytest.mark.parametrize("text", [[b"y\r\n"], [b"y", b"\r\n"], [b"\x1f\x1f"]])
def test_an_applications_text_is_no_answer(text: list[bytes]) -> None:
    """0x79 is 'y', as m-ready ends with."""
    link = FakeLink(answers=[text])
    link.open()
    with pytest.raises(NoAnswer):
        An3155(link, NOW).call(0.0)


@pytest.mark.parametrize("answer", [b"\x79", b"\x1f"])
def test_one_byte_alone_is(answer: bytes) -> None:
    link = FakeLink(answers=[[answer]])
    link.open()
    An3155(link, NOW).call(0.0)


def written(damages: tuple[Damage, ...]) -> tuple[FaultyLink, bytes]:
    """Four blocks written onto erased flash, nothing verified; the wire, and what flash holds."""
    rom = FakeRom((1024,))
    rom.flash[:] = b"\xff" * 1024
    wire = FaultyLink(rom, damages, random.Random(0), 0.0)
    protocol = An3155(wire, NOW)
    protocol.call(0.0)
    for number, block in enumerate(BLOCKS):
        protocol.write(ORIGIN + 64 * number, block)
    return wire, bytes(rom.flash[:256])


def test_a_repeated_answer_never_hides_a_block_that_was_refused() -> None:
    """Taken for the next command's, it would shift later answers: a refusal would be reported of the wrong block."""
    wire, content = written(())
    assert content == b"".join(BLOCKS)
    outcomes = set()
    for repeated in range(wire.passed[Way.IN]):
        for flipped in range(0, wire.passed[Way.OUT], 5):
            damages = (Damage(Fault.REPEAT, Way.IN, repeated), Damage(Fault.FLIP, Way.OUT, flipped))
            try:
                _, content = written(damages)
            except DeviceError as error:
                outcomes.add("error")
                assert error.hint
            else:
                outcomes.add("written")
                assert content == b"".join(BLOCKS), f"{damages}"
    assert "written" in outcomes


def test_a_surplus_answer_that_comes_late_ends_the_command_before_its_next_part() -> None:
    link = FakeLink(answers=[[b"\x79", b"\x79"]])
    link.open()
    with pytest.raises(DeviceError, match="fake sent more than one answer"):
        An3155(link, NOW, attempts=1).read(ORIGIN, 4)
    assert link.written == [b"\x11\xee"]
