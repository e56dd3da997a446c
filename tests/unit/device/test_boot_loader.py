"""What our bootloader's host side refuses before anything is erased, and how a start ends, against a loader in
Python."""

from __future__ import annotations

import struct
import zlib

import pytest

from edgeprune.device.image.application import make_application
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.fake_link import FakeLink
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.boot_info import State, Verdict
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.errors import DeviceError, DoesNotFit, UsageError
from edgeprune.hardware.registry import load_target
from tests.unit.device.fake_boot import FakeBoot
from tests.unit.device.fake_rom import ACK, NACK, Machine

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0, call_s=0.0)
BOARD = load_target("mps2-an386-boot")
BOOT = BOARD.boot
assert BOOT is not None


class Described(FakeBoot):
    """Describes itself as it is told to.

    Args:
        minimum: version, None where any may run.
        takes: starts what is written.
    """

    def __init__(
        self,
        minimum: int | None = None,
        key: bytes = bytes(32),
        slots: int = 1,
        state: State = State.SETTLED,
        running: Verdict = Verdict.GOOD,
        written: Verdict = Verdict.GOOD,
        takes: bool = True,
    ):
        super().__init__(BOARD.name, BOOT)
        self._takes = takes
        body = struct.pack(
            "<I4B4I32s3BxII32sII32s32sI", 0x49425045, 2, slots, state, 0, BOOT.slot_origin, BOOT.slot_bytes,
            BOOT.block_bytes, BOOT.header_bytes, BOARD.name.encode(), running, written, minimum is not None, 3, 100,
            bytes(32), 4, 200, bytes(32), key, minimum or 0,
        )  # fmt: skip
        self._record = body + struct.pack("<I", zlib.crc32(body))

    def _info(self) -> bytes:
        return self._record

    def _go(self) -> Machine:
        if self._takes:
            yield from super()._go()
        elif (yield from self._address()) is not None:
            self._out.append(NACK)


def loader(board: FakeBoot, target: str = BOARD.name) -> BootLoader:
    return BootLoader(board, target, timing=NOW)


def connected(board: FakeBoot) -> BootLoader:
    found = loader(board)
    found.connect()
    return found


def packed(version: int = 0, payload_bytes: int = 64) -> Image:
    payload = Segment(BOOT.payload_origin, bytes(range(64)) * (payload_bytes // 64))
    return Image((make_application(payload, BOOT.header_bytes, BOARD.name, version=version),))


def test_what_the_board_is_said_to_run() -> None:
    plain = "takes unsigned images, from whoever reaches this port"
    assert loader(Described()).connect() == f"{BOARD.name}, 1 slot, runs version 3; {plain}"
    two = Described(slots=2, state=State.TRIAL, minimum=7, key=b"k" * 32)
    told = f"{BOARD.name}, 2 slots, runs version 3, which has not answered yet; signed images only, version 7 and newer"
    assert loader(two).connect() == told
    assert "runs nothing" in loader(Described(running=Verdict.DIGEST)).connect()


def test_another_board_is_not_written_to() -> None:
    with pytest.raises(DeviceError, match=f"is {BOARD.name} by its bootloader, not another"):
        loader(Described(), "another").connect()


@pytest.mark.parametrize(("version", "is_taken"), [(6, False), (7, True), (8, True)])
def test_an_older_version_than_the_board_s_least_is_refused(version: int, is_taken: bool) -> None:
    found = connected(Described(minimum=7))
    if is_taken:
        assert found.prepare(packed(version)).address == BOOT.slot_origin
        return
    with pytest.raises(UsageError, match=r"is version 6, .* runs 7 and newer"):
        found.prepare(packed(version))
    assert connected(Described()).prepare(packed(version))


def test_the_slot_is_the_limit_header_included() -> None:
    room = BOOT.slot_bytes - BOOT.header_bytes
    assert connected(Described()).prepare(packed(payload_bytes=room)).size_bytes == BOOT.slot_bytes
    with pytest.raises(DoesNotFit, match=f"{BOOT.slot_bytes + 64:,} B with its header"):
        connected(Described()).prepare(packed(payload_bytes=room + 64))


@pytest.mark.parametrize("off_bytes", [0, 256, -BOOT.header_bytes])
def test_a_plain_image_must_be_linked_behind_the_header(off_bytes: int) -> None:
    image = Image((Segment(BOOT.payload_origin + off_bytes, b"abcd"),))
    if off_bytes == 0:
        assert connected(Described()).prepare(image).segments[0].content.endswith(b"abcd")
        return
    with pytest.raises(UsageError, match=f"images start at {BOOT.payload_origin:#010x}"):
        connected(Described()).prepare(image)


def test_a_board_with_a_key_takes_no_unsigned_image() -> None:
    with pytest.raises(UsageError, match="runs signed images only, this one is not signed"):
        connected(Described(key=b"k" * 32)).prepare(packed())


def test_an_image_is_started() -> None:
    board = Described()
    connected(board).start(packed())
    assert board.started_at == BOOT.slot_origin and not board.in_loader


def test_a_loader_that_finds_fault_with_the_image_is_quoted() -> None:
    """One that finds none and starts nothing is asked again, and then given up."""
    for verdict in (one for one in Verdict if one is not Verdict.GOOD):
        with pytest.raises(DeviceError, match=r"does not start the image: \w"):
            connected(Described(written=verdict, takes=False)).start(packed())
    with pytest.raises(DeviceError, match=r"does not start the image$"):
        connected(Described(takes=False)).start(packed())


def test_a_board_that_does_not_answer_is_woken_once() -> None:
    woken: list[str] = []
    link = FakeLink()
    link.open()
    with pytest.raises(DeviceError, match="no EdgePrune bootloader answers on fake"):
        BootLoader(link, BOARD.name, wake=lambda: woken.append("up"), timing=NOW).connect()
    assert woken == ["up"]


def test_a_loader_that_answers_is_not_woken() -> None:
    def never() -> None:
        raise AssertionError("woken")

    board = Described()
    board._out.clear()
    assert BootLoader(board, BOARD.name, wake=never, timing=NOW).connect()
    assert ACK not in board._out
