"""What images say of themselves, read without the package's own readers."""

from __future__ import annotations

UF2_BLOCK_BYTES = 512
_FAMILY = slice(28, 32)  # of a block (github.com/microsoft/uf2)


def uf2_families(data: bytes) -> set[int]:
    """The families that the blocks name."""
    blocks = (data[start : start + UF2_BLOCK_BYTES] for start in range(0, len(data), UF2_BLOCK_BYTES))
    return {int.from_bytes(block[_FAMILY], "little") for block in blocks}
