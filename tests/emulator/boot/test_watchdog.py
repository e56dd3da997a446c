"""An image on trial that hangs is reset by the board's watchdog; one that waits is not, nor one that was kept."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from edgeprune.device.console.console import Console
from edgeprune.device.image.application import make_application
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.line_reader import NoAnswer
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.boot_info import RETURNED, State
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import DeviceError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target, target_names
from edgeprune.progress import Silent
from edgeprune.toolchain.bootloader import BootOptions, build_bootloader
from edgeprune.toolchain.compile import compile_unit
from edgeprune.toolchain.firmware import FirmwareSources, build_firmware
from edgeprune.toolchain.toolchain import find_toolchain
from edgeprune.toolchain.units import shipped_unit, watchdog_of
from tests.emulator.boot.board import TARGET, Board, running_build
from tests.emulator.boot.images import FIXTURES
from tests.emulator.boot.test_update import HEADER_BYTES, SLOT, confirm, install
from tests.emulator.test_boards import INPUTS, tiny_outputs

WATCHDOG_MS = 2000
WATCHED = sorted(path.parts[-3] for path in (shipped("firmware") / "boards").glob("*/boot/watchdog.c"))


@pytest.fixture
def watched(bootloader, tmp_path: Path):
    """A blank board with an impatient watchdog, powered off."""
    bootloader()  # skips where its sources are not to be had
    loader = build_bootloader(load_target(TARGET), tmp_path / "loader", BootOptions(watchdog_ms=WATCHDOG_MS))
    assert loader.watches_trials
    board = Board(loader, tmp_path / "flash.bin")
    yield board
    board.power_off()


def hung_image() -> Image:
    """Every vector leads to an instruction that branches to itself."""
    start = SLOT + HEADER_BYTES + 64 + 1
    payload = struct.pack("<16I", 0x2000_1000, *[start] * 15) + b"\xfe\xe7" * 2
    return Image((make_application(Segment(SLOT + HEADER_BYTES, payload), HEADER_BYTES, TARGET),))


@pytest.fixture
def hanging(tmp_path: Path):
    """The tiny model, which hangs where it would run an undefined instruction."""
    text = (FIXTURES / "tiny_model.c").read_text().replace('__asm volatile("udf #7");', "for (;;) { }")
    sources = {"tiny_model.c": text, "tiny_model.h": f'#define TINY_TARGET "{TARGET}"\n'}
    return build_firmware(FirmwareSources(sources, (), 16), load_target(TARGET), tmp_path / "hanging")


HANG = bytes([111, 2, *INPUTS[2:]])


def lines_until(link: Link, wanted: bytes, duration_s: float) -> bytes:
    data, deadline_s = b"", time.monotonic() + duration_s
    while wanted not in data and time.monotonic() < deadline_s:
        data += link.read(0.2)
    return data


def test_an_image_that_hangs_at_its_start_is_taken_back_by_itself(watched, application) -> None:
    link = watched.power_on()
    install(watched, link, application(1))
    confirm(link)
    write_image(watched.loader(link), hung_image(), WriteOptions(), Silent())
    assert b"m-init-done" in lines_until(link, b"m-init-done", 120.0), "nobody has touched the board's power"
    assert running_build(link) == application(1).build_id
    loader = watched.loader(link)
    loader.connect()
    assert (loader.info().state, loader.info().detail) == (State.SETTLED, RETURNED)


def test_an_inference_that_hangs_on_trial_is_reset(watched, application, hanging) -> None:
    link = watched.power_on()
    install(watched, link, application(1))
    confirm(link)
    install(watched, link, hanging)
    with pytest.raises(DeviceError, match="faulted"):
        Console(link).infer(HANG)
    assert running_build(link) == hanging.build_id
    confirm(link)


def test_one_that_waits_on_trial_is_left_alone(watched, application) -> None:
    """Long enough for many times the watchdog's patience, as the emulated board counts time."""
    link = watched.power_on()
    install(watched, link, application(1))
    confirm(link)
    install(watched, link, application(2))
    console = Console(link)
    assert console.identity().build_id == application(2).build_id
    began_us = _timestamp_us(console)
    while (now_us := _timestamp_us(console)) < began_us + 5_000 * WATCHDOG_MS:
        time.sleep(0.5)
    assert now_us > began_us, "the clock went on: no reset"
    assert console.infer(INPUTS) == tiny_outputs(INPUTS)
    loader = watched.loader(link)
    loader.connect()
    assert (loader.info().state, loader.info().detail) == (State.TRIAL, 1)


def _timestamp_us(console: Console) -> int:
    (line,) = console.command("timestamp")
    return int(line.removeprefix("m-lap-us-"))


def test_one_that_was_kept_is_not_watched(watched, hanging) -> None:
    link = watched.power_on()
    install(watched, link, hanging)
    confirm(link)
    with pytest.raises(NoAnswer):
        Console(link, command_timeout_s=2.0, inference_timeout_s=5.0).infer(HANG)


def test_every_watchdog_compiles_for_its_board() -> None:
    boards = {}
    for name in target_names():
        target = load_target(name)
        if target.firmware is not None and watchdog_of(target.firmware) is not None:
            boards[target.firmware.board] = target
    assert sorted(boards) == WATCHED
    toolchain = find_toolchain()
    for board, target in boards.items():
        path = watchdog_of(target.firmware)
        flags = (*toolchain.cpu_flags(target.cpu), "-Os", "-Werror", "-DBOOT_WATCHDOG_MS=20000u")
        assert compile_unit(toolchain, shipped_unit("runtime", path, flags)), board
