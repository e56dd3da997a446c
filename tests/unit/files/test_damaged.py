"""Damaged files are refused in words: a few hundred each; `benchmarks/reader_fuzz.py` runs a hundred thousand."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeprune.files.bounded import Unreadable, read_member, read_npz
from tests.damaged_files import READERS, refusal


@pytest.mark.parametrize("name", READERS)
def test_only_errors_with_a_remedy(name: str, tmp_path: Path) -> None:
    reader, rng = READERS[name], np.random.default_rng(7)
    assert refusal(reader, reader.whole(), tmp_path) is None
    contents = [reader.damaged(rng) for _ in range(200)] + [b"", b"{}", b"[]", b"\x00" * 100]
    refused = [found for content in contents if (found := refusal(reader, content, tmp_path)) is not None]
    assert len(refused) > 50
    assert all(one.hint and one.message for one in refused)


def test_a_header_that_claims_terabytes(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1), }\n"
    entry = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "claims.npz", "w") as archive:
        archive.writestr("x.npy", entry)
    with pytest.raises(Unreadable, match="needs 4,000,000,000,000 B, its entry has"):
        read_npz(tmp_path / "claims.npz")


def test_an_array_called_npz(tmp_path: Path) -> None:
    with (tmp_path / "array.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(Unreadable):
        read_npz(tmp_path / "array.npz")


def test_an_entry_that_is_larger_than_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1000))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24  # the size in the central directory
    content[at : at + 4] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with zipfile.ZipFile(path) as archive, pytest.raises(Unreadable, match="claims 1,073,741,824 B, more than its"):
        read_member(archive, "a")


def test_a_picture_of_a_gigapixel_is_not_decoded(tmp_path: Path) -> None:
    """A PNG of one colour is a thousandth of its pixels, and zipped again a thousandth of that."""
    stream = io.BytesIO()
    Image.new("1", (9000, 9000)).save(stream, "PNG")
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("cat", "dog"):
            archive.writestr(f"train/{name}/0.png", stream.getvalue())
    refused = refusal(READERS["images"], path.read_bytes(), tmp_path)
    assert refused is not None and "9000x9000 pixels; at most 50,000,000" in refused.message
