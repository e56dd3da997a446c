"""Small ELF files for tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence

ARM, RISCV = 40, 243


def elf_file(segments: Sequence[tuple[int, bytes]], machine: int = ARM) -> bytes:
    """A linked 32-bit ELF file with one program header per (load address, content)."""
    header_bytes, entry_bytes = 52, 32
    data_offset = header_bytes + entry_bytes * len(segments)
    ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, 0, header_bytes, 0, 0, header_bytes, entry_bytes, len(segments), 40, 0, 0
    )
    entries, contents = b"", b""
    for address, content in segments:
        offset = data_offset + len(contents)
        entries += struct.pack("<8I", 1, offset, address, address, len(content), len(content), 5, 4)
        contents += content
    return header + entries + contents
