"""Intel HEX, both ways (Intel, Hexadecimal Object File Format Specification, revision A, 1988)."""

from __future__ import annotations

from edgeprune.device.image.segments import Image, Segment, image_of
from edgeprune.errors import UsageError

_DATA, _END, _SEGMENT_BASE, _SEGMENT_START, _LINEAR_BASE, _LINEAR_START = range(6)
_BYTES_A_RECORD = 16
_AGAIN = "write or copy the file again"


def parse_intel_hex(data: bytes, name: str) -> Image:
    """The data records; start addresses are ignored, the vector table holds where an image starts.

    Raises:
        UsageError: a record is malformed, its checksum is wrong, or the end record is missing (a cut-off file).
    """
    segments: list[Segment] = []
    pieces: list[bytes] = []
    start = end = base = 0
    for number, line in enumerate(data.decode("ascii").split(), 1):
        kind, offset, content = _parse_record(line, f"{name}, record {number}")
        if kind == _END:
            return image_of([*segments, Segment(start, b"".join(pieces))], name)
        if kind == _DATA:
            if base + offset != end:
                segments.append(Segment(start, b"".join(pieces)))
                start, pieces = base + offset, []
            pieces.append(content)
            end = base + offset + len(content)
        elif kind in (_SEGMENT_BASE, _LINEAR_BASE):
            base = int.from_bytes(content, "big") << (4 if kind == _SEGMENT_BASE else 16)
    raise UsageError(f"{name} has no end record: it was cut off", hint=_AGAIN)


def intel_hex(image: Image) -> str:
    """The image as Intel HEX with 32-bit addresses, 16 bytes a record."""
    lines = []
    high = -1
    for segment in image.segments:
        position = segment.address
        while position < segment.end:
            if position >> 16 != high:
                high = position >> 16
                lines.append(_record(_LINEAR_BASE, 0, high.to_bytes(2, "big")))
            # A record ends where its low 16 address bits would wrap.
            stop = min(position + _BYTES_A_RECORD, segment.end, (high + 1) << 16)
            content = segment.content[position - segment.address : stop - segment.address]
            lines.append(_record(_DATA, position & 0xFFFF, content))
            position = stop
    lines.append(_record(_END, 0, b""))
    return "\n".join(lines) + "\n"


def _parse_record(line: str, place: str) -> tuple[int, int, bytes]:
    """Kind, 16-bit address, content of one `:LLAAAATT...CC` line."""
    try:
        raw = bytes.fromhex(line[1:]) if line.startswith(":") else b""
    except ValueError:
        raw = b""
    if len(raw) < 5 or len(raw) != raw[0] + 5:
        raise UsageError(f"{place} is no Intel HEX record: {line[:50]!r}", hint=_AGAIN)
    if sum(raw) & 0xFF:
        raise UsageError(f"{place} has a wrong checksum: the file is damaged", hint=_AGAIN)
    kind, content = raw[3], raw[4:-1]
    if kind > _LINEAR_START or (kind in (_SEGMENT_BASE, _LINEAR_BASE) and len(content) != 2):
        raise UsageError(f"{place} is of unknown kind {kind:02X} with {len(content)} bytes", hint=_AGAIN)
    return kind, int.from_bytes(raw[1:3], "big"), content


def _record(kind: int, address: int, content: bytes) -> str:
    body = bytes((len(content), address >> 8, address & 0xFF, kind)) + content
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}"
