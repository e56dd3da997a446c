"""The file formats hold the bytes they were given, and say what is wrong with files that do not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune.device.image import segments
from edgeprune.device.image.intel_hex import intel_hex, parse_intel_hex
from edgeprune.device.image.read import parse_image, read_image
from edgeprune.device.image.segments import Image, Segment, image_of
from edgeprune.device.image.uf2 import parse_uf2, uf2
from edgeprune.device.loaders.image_file import find_image
from edgeprune.errors import UsageError
from tests.image_facts import uf2_families
from tests.unit.device.image.elf_files import RISCV, elf_file

CONTENT = st.binary(min_size=1, max_size=700)


@st.composite
def images(draw: st.DrawFn) -> Image:
    """One to four separated segments, some across 64 KiB borders."""
    address = draw(st.integers(0, 0x0802_0000))
    segments = []
    for content in draw(st.lists(CONTENT, min_size=1, max_size=4)):
        segments.append(Segment(address, content))
        address += len(content) + draw(st.integers(1, 70_000))
    return image_of(segments, "drawn")


@given(images())
def test_intel_hex_holds_an_image(image: Image) -> None:
    assert parse_intel_hex(intel_hex(image).encode(), "x.hex") == image


@given(images())
def test_elf_holds_an_image(image: Image) -> None:
    data = elf_file([(segment.address, segment.content) for segment in image.segments])
    assert parse_image(data, "x.elf", 0) == image


@given(st.integers(0, 0xFFFF).map(lambda n: n * 256), CONTENT)
def test_uf2_holds_a_segment(address: int, content: bytes) -> None:
    image = parse_uf2(uf2(Segment(address, content), 0xE48BFF56), "x.uf2", 0xE48BFF56)
    assert image.address == address
    assert image.read(address, len(content)) == content
    assert set(image.read(address + len(content), image.end - address - len(content))) <= {0xFF}


def test_uf2_names_its_family() -> None:
    assert uf2_families(uf2(Segment(0x1000_0000, b"a"), 0xE48BFF56)) == {0xE48BFF56}


def test_uf2_needs_aligned_addresses() -> None:
    with pytest.raises(UsageError, match="multiple of 256"):
        uf2(Segment(0x1000_0010, b"a"), 1)


@given(images(), st.data())
def test_a_cut_hex_file_is_refused(image: Image, data: st.DataObject) -> None:
    text = intel_hex(image).encode()
    cut = text[: data.draw(st.integers(1, len(text) - 13))]
    with pytest.raises(UsageError):
        parse_intel_hex(cut, "x.hex")


@given(CONTENT, st.data())
def test_a_cut_uf2_file_is_refused(content: bytes, data: st.DataObject) -> None:
    whole = uf2(Segment(0, content), 1)
    with pytest.raises(UsageError):
        parse_uf2(whole[: data.draw(st.integers(1, len(whole) - 1))], "x.uf2", 1)


@given(CONTENT, st.integers(0), st.integers(1, 15))
def test_a_changed_hex_digit_is_refused(content: bytes, choice: int, change: int) -> None:
    text = bytearray(intel_hex(image_of([Segment(0x0800_FFF0, content)], "x")).encode())
    digits = [place for place, byte in enumerate(text) if chr(byte) in "0123456789ABCDEF"]
    place = digits[choice % len(digits)]
    text[place] = ord(f"{int(chr(text[place]), 16) ^ change:X}")
    with pytest.raises(UsageError):
        parse_intel_hex(bytes(text), "x.hex")


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda rest: b"\x7fELF\x01\x01\x01" + rest),
        st.binary(max_size=600).map(lambda rest: b"UF2\nWQ]\x9e" + rest),
        st.text(":0123456789ABCDEF\n", max_size=90).map(lambda text: f":{text}".encode()),
    )
)
def test_any_bytes_are_an_image_or_a_usage_error(data: bytes) -> None:
    try:
        image = parse_image(data, "x", 0x0800_0000)
    except UsageError:
        return
    assert image.size_bytes > 0


@settings(max_examples=300)
@given(images(), st.data())
def test_a_damaged_elf_file_never_crashes(image: Image, data: st.DataObject) -> None:
    elf = bytearray(elf_file([(segment.address, segment.content) for segment in image.segments]))
    for _ in range(data.draw(st.integers(1, 8))):
        elf[data.draw(st.integers(4, min(len(elf), 150) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UsageError):
        parse_image(bytes(elf), "x.elf", 0)


def test_an_elf_file_for_another_processor_is_refused() -> None:
    with pytest.raises(UsageError, match="EM_RISCV, not for Arm"):
        parse_image(elf_file([(0, b"1234")], RISCV), "x.elf", 0)


def test_two_contents_for_one_address_are_refused() -> None:
    with pytest.raises(UsageError, match="two different contents for address 0x00000002"):
        image_of([Segment(0, b"1234"), Segment(2, b"5")], "x")


def test_touching_segments_are_joined() -> None:
    assert image_of([Segment(4, b"b"), Segment(0, b"aaaa")], "x").segments == (Segment(0, b"aaaab"),)


def test_a_flat_image_has_no_absurd_gaps() -> None:
    far = image_of([Segment(0x0800_0000, b"a"), Segment(0x2000_0000, b"b")], "x")
    with pytest.raises(UsageError, match="spans"):
        far.flat()


def test_the_kind_comes_from_the_content(tmp_path: Path) -> None:
    path = tmp_path / "wrongly-named.bin"
    path.write_text(intel_hex(image_of([Segment(0x0800_0000, b"abcd")], "x")))
    assert read_image(path, 0x9000_0000).address == 0x0800_0000
    path.write_bytes(b"\x00\x10\x00\x20 plain")
    assert read_image(path, 0x9000_0000).address == 0x9000_0000


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_image(tmp_path / "no.elf", 0)


def test_an_image_may_be_as_large_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_BYTES", 16)
    assert image_of([Segment(0, bytes(8)), Segment(64, bytes(8))], "x").size_bytes == 16
    with pytest.raises(UsageError, match="x holds 17 B; images are at most 16 B"):
        image_of([Segment(0, bytes(8)), Segment(64, bytes(9))], "x")
    assert len(image_of([Segment(0, b"a"), Segment(15, b"b")], "x").flat().content) == 16
    with pytest.raises(UsageError, match="spans 17 B"):
        image_of([Segment(0, b"a"), Segment(16, b"b")], "x").flat()


def test_a_folder_is_the_image_of_the_run_in_it(tmp_path: Path) -> None:
    (tmp_path / "firmware.elf").write_bytes(b"x")
    assert find_image(tmp_path) == tmp_path / "firmware.elf"
    assert find_image(tmp_path / "firmware.elf") == tmp_path / "firmware.elf"
    (tmp_path / "firmware.elf").unlink()
    with pytest.raises(UsageError, match="holds no firmware"):
        find_image(tmp_path)
