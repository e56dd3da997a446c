"""The record our bootloader describes itself by (firmware/boot/info.h), unpacked."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from edgeprune.device.links.line_reader import Damaged
from edgeprune.errors import DeviceError
from edgeprune.files.names import is_name

INFO_ADDRESS = 0xEDB0_0000
PRODUCT_ID = 0xEDB0
_MAGIC = 0x49425045
_VERSION = 2
_RECORD = struct.Struct("<I4B4I32s3BxII32sII32s32sII")
INFO_BYTES = _RECORD.size


class State(IntEnum):
    """firmware/boot/journal.h, boot_state_t."""

    SETTLED = 1
    OPEN = 2
    INSTALLING = 3
    TRIAL = 4
    RETURNING = 5


class Verdict(IntEnum):
    """firmware/boot/application.h, application_verdict_t."""

    GOOD = 0
    NONE = 1
    LENGTH = 2
    PLACE = 3
    TARGET = 4
    VECTORS = 5
    DIGEST = 6
    SIGNATURE = 7
    HEADER = 8
    VERSION = 9


VERDICT_WORDS = {
    Verdict.GOOD: "whole",
    Verdict.NONE: "no application",
    Verdict.LENGTH: "longer than its slot, or cut off",
    Verdict.PLACE: "linked to another address",
    Verdict.TARGET: "built for another board",
    Verdict.VECTORS: "its start lies outside of it",
    Verdict.DIGEST: "damaged: another digest than its header's",
    Verdict.HEADER: "bytes in its header that neither digest nor signature covers",
    Verdict.VERSION: "older than this board still runs",
    Verdict.SIGNATURE: "not signed by the key this board trusts",
}
RETURNED = 2


@dataclass(frozen=True)
class SlotInfo:
    """One slot; `version`, `payload_bytes` and `digest` are the header's, zeros where there is none."""

    verdict: Verdict
    version: int
    payload_bytes: int
    digest: bytes


@dataclass(frozen=True)
class BootInfo:
    """A loader and its slots.

    Attributes:
        slots: 1 or 2.
        state, detail: the loader's own (docs/boot.md).
        slot_origin, slot_bytes: where applications go, header included.
        page_bytes: unit of erasing.
        target: the board it was built for.
        running: what starts at the next reset, unless `written` is whole and the state is OPEN.
        written: what the last session wrote; with one slot the same as `running`.
        public_key: of the signature it requires; None when it requires none.
        minimum_version: an older image is refused; None where any version runs.
    """

    slots: int
    state: State
    detail: int
    slot_origin: int
    slot_bytes: int
    page_bytes: int
    header_bytes: int
    target: str
    running: SlotInfo
    written: SlotInfo
    public_key: bytes | None
    minimum_version: int | None


def boot_info(data: bytes) -> BootInfo:
    """The record read at INFO_ADDRESS.

    Raises:
        Damaged: its CRC does not hold.
        DeviceError: another version of the loader, or values no loader has.
    """
    if len(data) != INFO_BYTES or int.from_bytes(data[-4:], "little") != zlib.crc32(data[:-4]):
        raise Damaged("the bootloader's description came damaged", hint="check the cable, or lower --baud")
    (
        magic, version, slots, state, detail, slot_origin, slot_bytes, page_bytes, header_bytes, target,
        running_verdict, written_verdict, orders_versions, *images, public_key, minimum_version, _,
    ) = _RECORD.unpack(data)  # fmt: skip
    if magic != _MAGIC or version != _VERSION:
        raise DeviceError(
            f"the bootloader describes itself in version {version}, this EdgePrune supports {_VERSION}",
            hint="update EdgePrune, or write the loader again with a probe",
        )
    try:
        return BootInfo(
            slots, State(state), detail, slot_origin, slot_bytes, page_bytes, header_bytes, _name(target),
            SlotInfo(Verdict(running_verdict), *images[:3]),
            SlotInfo(Verdict(written_verdict), *images[3:]),
            public_key if any(public_key) else None,
            minimum_version if orders_versions else None,
        )  # fmt: skip
    except ValueError as error:
        raise DeviceError(
            f"the bootloader describes itself wrongly: {error}", hint="write the loader again with a probe"
        ) from error


def _name(field: bytes) -> str:
    text = field.rstrip(b"\0").decode("ascii", errors="replace")
    if not is_name(text):
        raise ValueError(f"its target is {text!r}")
    return text
