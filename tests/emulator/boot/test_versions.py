"""A loader that orders versions: an older signed image does not pass, whenever power is cut."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from edgeprune.device.emulator.emulated_flash import PSRAM_ORIGIN
from edgeprune.device.image.application import new_keys
from edgeprune.device.image.segments import Image
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.boot_info import BootInfo, State, Verdict
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import DeviceError, UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.toolchain.bootloader import BootOptions, build_bootloader
from tests.emulator.boot.board import TARGET, Board, running_build
from tests.emulator.boot.test_update import SLOT, confirm, packed

SECRET, PUBLIC = new_keys()
MOST_CUT_S = 0.05
FIRST_CUT, LAST_CUT = 2, 9


@pytest.fixture
def ordered(bootloader, tmp_path: Path):
    """A blank board whose loader orders versions, powered off."""
    board = Board(bootloader(PUBLIC, 0), tmp_path / "flash.bin")
    yield board
    board.power_off()


def signed(firmware, version: int) -> Image:
    return packed(firmware, version=version, secret_key=SECRET)


def install(board: Board, link: Link, image: Image) -> None:
    write_image(board.loader(link), image, WriteOptions(), Silent())


def info(board: Board, link: Link) -> BootInfo:
    loader = board.loader(link)
    loader.connect()
    return loader.info()


def refuses(board: Board, link: Link, image: Image) -> bool:
    """By the host, which asks first, and by the loader, where nobody does."""
    with pytest.raises(UsageError, match=r"runs \d+ and newer"):
        write_image(board.loader(link), image, WriteOptions(), Silent())
    loader = board.loader(link)
    loader.connect()
    loader.erase(image, Silent())
    loader.write(image, Silent())
    with pytest.raises(DeviceError, match="older than this board still runs"):
        loader.start(image)
    return loader.info().written.verdict is Verdict.VERSION


def test_what_was_kept_is_the_oldest_that_runs(ordered, application) -> None:
    link = ordered.power_on()
    install(ordered, link, signed(application(1), 5))
    confirm(link)
    assert info(ordered, link).minimum_version == 5
    install(ordered, link, signed(application(2), 7))
    confirm(link)
    assert info(ordered, link).minimum_version == 7
    for version in (0, 5, 6):
        assert refuses(ordered, link, signed(application(1), version))
    ordered.power_off()
    link = ordered.power_on()
    assert running_build(link) == application(2).build_id
    assert info(ordered, link).minimum_version == 7
    install(ordered, link, signed(application(3), 7))  # the same version again
    assert running_build(link) == application(3).build_id


def test_an_image_on_trial_raises_nothing_and_the_old_one_comes_back(ordered, application) -> None:
    link = ordered.power_on()
    install(ordered, link, signed(application(1), 5))
    confirm(link)
    install(ordered, link, signed(application(2), 9))
    assert running_build(link) == application(2).build_id
    for _ in range(3):
        ordered.power_off()
        link = ordered.power_on()
        build = running_build(link)
    assert build == application(1).build_id
    found = info(ordered, link)
    assert (found.state, found.minimum_version) == (State.SETTLED, 5)


def test_a_damaged_image_is_not_replaced_by_an_older_one(ordered, application) -> None:
    """The one before lies in the other slot, whole and signed."""
    link = ordered.power_on()
    for version in (1, 2):
        install(ordered, link, signed(application(version), version))
        confirm(link)
    running_build(link)
    ordered.power_off()
    with ordered.flash.open("r+b") as stream:
        stream.seek(SLOT - PSRAM_ORIGIN + 700)
        stream.write(b"\x5a")
    link = ordered.power_on()
    found = info(ordered, link)
    assert (found.running.verdict, found.written.verdict) == (Verdict.DIGEST, Verdict.VERSION)


@pytest.mark.slow
def test_whenever_power_is_cut_the_minimum_never_falls(ordered, application) -> None:
    chance = random.Random(1)
    link = ordered.power_on()
    install(ordered, link, signed(application(1), 1))
    confirm(link)
    minimum, raised = 1, set()
    for version in range(FIRST_CUT, LAST_CUT + 1):
        firmware = application(1 + version % 4)
        install(ordered, link, signed(firmware, version))
        assert running_build(link) == firmware.build_id
        # before the record, at some moment, and behind it: a quick machine may have the record by any random moment
        if version == FIRST_CUT:
            link.write(b"ep confir")
        elif version == LAST_CUT:
            confirm(link)
        else:
            link.write(b"ep confirm%")
            time.sleep(chance.uniform(0.0, MOST_CUT_S))
        ordered.cut_power(chance)
        link = ordered.power_on()
        found = info(ordered, link)
        assert found.minimum_version in (minimum, version)
        assert (found.minimum_version == version) == (found.state is State.SETTLED)
        raised.add(found.minimum_version == version)
        ordered.power_off()
        link = ordered.power_on()
        assert running_build(link) == firmware.build_id
        confirm(link)
        minimum = info(ordered, link).minimum_version
        assert minimum == version
    assert refuses(ordered, link, signed(application(1), 8))
    assert raised == {False, True}, "cuts before and after the record"


def test_a_loader_that_orders_none_runs_any(bootloader, application, tmp_path: Path) -> None:
    board = Board(bootloader(PUBLIC), tmp_path / "flash.bin")
    try:
        link = board.power_on()
        for number, version in ((1, 9), (2, 3)):
            install(board, link, signed(application(number), version))
            confirm(link)
        assert running_build(link) == application(2).build_id
        assert info(board, link).minimum_version is None
    finally:
        board.power_off()


def test_the_floor_is_built_in(bootloader, application, tmp_path: Path) -> None:
    board = Board(bootloader(PUBLIC, 4), tmp_path / "flash.bin")
    try:
        link = board.power_on()
        assert info(board, link).minimum_version == 4
        assert refuses(board, link, signed(application(1), 3))
        install(board, link, signed(application(1), 4))
        assert running_build(link) == application(1).build_id
    finally:
        board.power_off()


def test_versions_nobody_signs_are_not_ordered(tmp_path: Path) -> None:
    target = load_target(TARGET)
    with pytest.raises(UsageError, match="needs a public key"):
        build_bootloader(target, tmp_path, BootOptions(None, 1))
    assert target.boot is not None
    one_slot = target.model_copy(update={"boot": target.boot.model_copy(update={"staging": None})})
    with pytest.raises(UsageError, match="two slots"):
        build_bootloader(one_slot, tmp_path, BootOptions(PUBLIC, 1))
