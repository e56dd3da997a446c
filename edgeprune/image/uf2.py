"""UF2, the format USB-drive bootloaders take (github.com/microsoft/uf2, specification in its README).

A file is 512-byte blocks, each with an address and, as used everywhere, 256 bytes for it.
"""

from __future__ import annotations

import struct

from edgeprune.errors import UsageError
from edgeprune.image.segments import Image, Segment, image_of

_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HEADER = struct.Struct("<8I")
BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
_MAX_PAYLOAD_BYTES = 476
_NOT_MAIN_FLASH = 0x0000_0001
_FILE_CONTAINER = 0x0000_1000
_FAMILY_ID_PRESENT = 0x0000_2000


def is_uf2(data: bytes) -> bool:
    return data[:8] == struct.pack("<2I", _MAGIC_START_0, _MAGIC_START_1)


def parse_uf2(data: bytes, name: str) -> Image:
    """The blocks meant for main flash.

    Raises:
        UsageError: a block is malformed, or blocks are missing.
    """
    segments, _ = _blocks(data, name)
    return image_of(segments, name)


def uf2_family_ids(data: bytes, name: str) -> frozenset[int]:
    """Families the blocks name; empty when they name none. Raises UsageError as `parse_uf2`."""
    return _blocks(data, name)[1]


def uf2(segment: Segment, family_id: int) -> bytes:
    """The segment as UF2 blocks of 256 bytes; the last is filled up with 0xFF, which leaves flash as erased.

    Args:
        segment: its address is a multiple of 256, as the ROMs ask for.
        family_id: whose ROM takes it (the target's loader table).

    Raises:
        UsageError: the address is not aligned.
    """
    if segment.address % PAYLOAD_BYTES != 0:
        raise UsageError(f"a UF2 image starts at a multiple of {PAYLOAD_BYTES}, not at {segment.address:#010x}")
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


def _blocks(data: bytes, name: str) -> tuple[list[Segment], frozenset[int]]:
    if len(data) % BLOCK_BYTES != 0 or not data:
        raise UsageError(f"{name} has {len(data):,} B, no whole number of UF2 blocks: it was cut off")
    segments, numbers, families, total = [], set(), set(), 0
    for position in range(0, len(data), BLOCK_BYTES):
        start_0, start_1, flags, address, size_bytes, number, total, family = _HEADER.unpack_from(data, position)
        (end,) = struct.unpack_from("<I", data, position + BLOCK_BYTES - 4)
        if (start_0, start_1, end) != (_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END) or size_bytes > _MAX_PAYLOAD_BYTES:
            raise UsageError(f"{name} is damaged: no UF2 block at byte {position:,}")
        numbers.add(number)
        if flags & (_NOT_MAIN_FLASH | _FILE_CONTAINER):
            continue
        if flags & _FAMILY_ID_PRESENT:
            families.add(family)
        content = data[position + _HEADER.size : position + _HEADER.size + size_bytes]
        segments.append(Segment(address, content))
    if numbers != set(range(len(data) // BLOCK_BYTES)) or total != len(numbers):
        raise UsageError(f"{name} holds {len(numbers):,} of {total:,} UF2 blocks", hint="write or copy the file again")
    return segments, frozenset(families)
