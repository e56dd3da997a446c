"""UF2 drives: a folder stands in for the mounted drive."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.image.uf2 import parse_uf2
from edgeprune.device.loaders import uf2_drive
from edgeprune.device.loaders.uf2_drive import Uf2Drive, drive_info
from edgeprune.device.loaders.write_image import Erase, WriteOptions, write_image
from edgeprune.errors import DeviceError, DoesNotFit, UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from tests.image_facts import uf2_families

PICO = load_target("raspberry-pi-pico")
IMAGE = Image((Segment(0x1000_0100, bytes(range(256)) * 9 + b"end"),))


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    (tmp_path / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n")
    return tmp_path


def a_loader(drive: Path) -> Uf2Drive:
    return Uf2Drive(drive, PICO, PICO.loaders[0])


def test_an_image_is_copied_as_uf2(drive: Path) -> None:
    write_image(a_loader(drive), IMAGE, WriteOptions(verify=False, start=False), Silent())
    data = (drive / "edgeprune.uf2").read_bytes()
    written = parse_uf2(data, "x", 0xE48BFF56)
    assert written.read(IMAGE.address, IMAGE.size_bytes) == IMAGE.segments[0].content
    assert uf2_families(data) == {0xE48BFF56}


def test_a_drive_that_stays_has_not_taken_it(drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uf2_drive, "_GONE_S", 0.0)
    with pytest.raises(DeviceError, match="has not taken the image"):
        write_image(a_loader(drive), IMAGE, WriteOptions(), Silent())
    with pytest.raises(DeviceError, match="has not taken the image"):  # nor is it said to have been started
        write_image(a_loader(drive), IMAGE, WriteOptions(verify=False), Silent())


def test_a_drive_that_goes_has(drive: Path) -> None:
    loader = a_loader(drive)
    loader.connect()
    loader.write(IMAGE, Silent())
    (drive / "INFO_UF2.TXT").unlink()
    loader.verify(IMAGE, Silent())
    loader.start(IMAGE)


def test_a_folder_is_no_drive(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no UF2 drive"):
        a_loader(tmp_path).connect()


def test_what_does_not_fit_is_not_copied(drive: Path) -> None:
    far = Image((Segment(0x1020_0000, b"x"),))
    with pytest.raises(DoesNotFit):
        write_image(a_loader(drive), far, WriteOptions(), Silent())
    assert not (drive / "edgeprune.uf2").exists()


def test_a_drive_erases_by_itself_only(drive: Path) -> None:
    with pytest.raises(UsageError, match="cannot erase everything"):
        write_image(a_loader(drive), IMAGE, WriteOptions(erase=Erase.ALL), Silent())


def test_a_target_without_family_is_reported(drive: Path) -> None:
    with pytest.raises(UsageError, match="family_id"):
        Uf2Drive(drive, PICO, PICO.loaders[1]).connect()


def test_drives_are_described(drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uf2_drive, "_mounted", lambda: [drive, drive / "none"])
    (found,) = uf2_drive.uf2_drives()
    assert (found.address, found.title, found.note) == (str(drive), "Raspberry Pi RP2", "RPI-RP2")


@given(st.text(max_size=300))
def test_any_text_is_some_description(text: str) -> None:
    assert all(isinstance(value, str) for value in drive_info(text).values())
