"""Our bootloader's side of the protocol in Python: one slot, and its description of itself."""

from __future__ import annotations

import struct
import zlib

from edgeprune.device.image.application import read_application
from edgeprune.device.loaders.boot_info import INFO_ADDRESS, State, Verdict
from edgeprune.errors import UsageError
from edgeprune.hardware.boot import Boot
from tests.unit.device.fake_rom import ACK, NACK, FakeRom, Machine


class FakeBoot(FakeRom):
    """Link to a board with firmware/boot and one slot."""

    def __init__(self, target: str, boot: Boot):
        blocks = boot.slot_bytes // boot.block_bytes
        super().__init__((boot.block_bytes,) * blocks, boot.slot_origin, product_id=0xEDB0)
        self.name = "fake bootloader"
        self._target = target
        self._boot = boot

    def _read(self) -> Machine:
        address = yield from self._address()
        if address is None:
            return
        self._out.append(ACK)
        length = yield
        if (yield) != length ^ 0xFF:
            self._out.append(NACK)
            return
        offset = address - self.origin
        source, start = (self._info(), 0) if address == INFO_ADDRESS else (bytes(self.flash), offset)
        self._out += bytes([ACK]) + source[start : start + length + 1]

    def _info(self) -> bytes:
        boot = self._boot
        size_bytes = boot.header_bytes + int.from_bytes(self.flash[8:12], "little")
        try:
            application = read_application(bytes(self.flash[:size_bytes]), "the slot")
            slot = (Verdict.GOOD, application.version, application.payload_bytes, application.digest)
        except UsageError:
            slot = (Verdict.DIGEST, 0, 0, bytes(32))
        body = struct.pack(
            "<I4B4I32s3BxII32sII32s32sI", 0x49425045, 2, 1, State.SETTLED, 0, boot.slot_origin, boot.slot_bytes,
            boot.block_bytes, boot.header_bytes, self._target.encode(), slot[0], slot[0], 0, *slot[1:],
            *slot[1:], bytes(32), 0,
        )  # fmt: skip
        return body + struct.pack("<I", zlib.crc32(body))
