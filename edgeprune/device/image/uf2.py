"""UF2, the format USB-drive bootloaders take (github.com/microsoft/uf2, specification in its README).

A file is 512-byte blocks, each with an address and, as used everywhere, 256 bytes for it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.device.image.segments import Image, Segment, image_of
from edgeprune.errors import UsageError

_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HEADER = struct.Struct("<8I")
BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
_MAX_PAYLOAD_BYTES = 476
_NOT_MAIN_FLASH = 0x0000_0001
_FILE_CONTAINER = 0x0000_1000
_FAMILY_ID_PRESENT = 0x0000_2000


@dataclass(frozen=True)
class _Block:
    """family: None where the block names none; number, total: its place among the blocks it counts itself to."""

    family: int | None
    is_main_flash: bool
    address: int
    content: bytes
    number: int
    total: int


def is_uf2(data: bytes) -> bool:
    return data[:8] == struct.pack("<2I", _MAGIC_START_0, _MAGIC_START_1)


def parse_uf2(data: bytes, name: str, family_id: int | None) -> Image:
    """The blocks meant for main flash of one family of chips; blocks of others are another chip's image.

    Args:
        family_id: whose ROM is to take it; None: of no chip that takes UF2.

    Raises:
        UsageError: a block is malformed, blocks are missing, or none is for that family.
    """
    blocks = _blocks(data, name)
    families = sorted({block.family for block in blocks if block.family is not None})
    wanted = [block for block in blocks if block.family is not None and block.family == family_id]
    if not wanted:
        named = f"UF2 family {' and '.join(f'{one:#010x}' for one in families)}" if families else "no UF2 family"
        taken = "no UF2 family" if family_id is None else f"family {family_id:#010x}"
        raise UsageError(
            f"{name} is for {named}; the target takes {taken}",
            hint="choose the target it was built for (--target), or build it for this one",
        )
    if not _is_complete(blocks) and not _is_complete(wanted):
        raise UsageError(
            f"{name} holds {len({block.number for block in wanted}):,} of {wanted[-1].total:,} UF2 blocks",
            hint="write or copy the file again",
        )
    return image_of((Segment(block.address, block.content) for block in wanted if block.is_main_flash), name)


def uf2(segment: Segment, family_id: int) -> bytes:
    """The segment as UF2 blocks of 256 bytes; the last is filled up with 0xFF, which leaves flash as erased.

    Args:
        segment: its address is a multiple of 256, as the ROMs require.
        family_id: whose ROM takes it (the target's loader table).

    Raises:
        UsageError: the address is not aligned.
    """
    if segment.address % PAYLOAD_BYTES != 0:
        raise UsageError(
            f"a UF2 image starts at a multiple of {PAYLOAD_BYTES}, not at {segment.address:#010x}",
            hint="link the image to such an address",
        )
    count = -(-len(segment.content) // PAYLOAD_BYTES)
    blocks = []
    for number in range(count):
        offset = number * PAYLOAD_BYTES
        payload = segment.content[offset : offset + PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\xff")
        header = _HEADER.pack(
            _MAGIC_START_0, _MAGIC_START_1, _FAMILY_ID_PRESENT, segment.address + offset,
            PAYLOAD_BYTES, number, count, family_id,
        )  # fmt: skip
        blocks.append(header + payload.ljust(_MAX_PAYLOAD_BYTES, b"\0") + struct.pack("<I", _MAGIC_END))
    return b"".join(blocks)


def uf2_file(image: Image, family_id: int) -> bytes:
    """The image from its first byte to its last, 0xFF before it up to where blocks begin."""
    flat = image.flat()
    before = flat.address % PAYLOAD_BYTES
    return uf2(Segment(flat.address - before, b"\xff" * before + flat.content), family_id)


def _blocks(data: bytes, name: str) -> list[_Block]:
    if len(data) % BLOCK_BYTES != 0 or not data:
        raise UsageError(
            f"{name} has {len(data):,} B, no whole number of UF2 blocks: it was cut off",
            hint="write or copy the file again",
        )
    blocks = []
    for position in range(0, len(data), BLOCK_BYTES):
        start_0, start_1, flags, address, size_bytes, number, total, family = _HEADER.unpack_from(data, position)
        (end,) = struct.unpack_from("<I", data, position + BLOCK_BYTES - 4)
        if (start_0, start_1, end) != (_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END) or size_bytes > _MAX_PAYLOAD_BYTES:
            raise UsageError(
                f"{name} is damaged: no UF2 block at byte {position:,}", hint="write or copy the file again"
            )
        content = data[position + _HEADER.size : position + _HEADER.size + size_bytes]
        named = family if flags & _FAMILY_ID_PRESENT and not flags & _FILE_CONTAINER else None
        blocks.append(_Block(named, not flags & (_NOT_MAIN_FLASH | _FILE_CONTAINER), address, content, number, total))
    return blocks


def _is_complete(blocks: Sequence[_Block]) -> bool:
    """Is every number there once? A file counts all its blocks, or those of each family."""
    return sorted(block.number for block in blocks) == list(range(len(blocks))) and all(
        block.total == len(blocks) for block in blocks
    )
