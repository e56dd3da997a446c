"""A line on which somebody talks without end, and images only a careless tool writes: the loader's own bounds."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.boot_info import Verdict
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.toolchain.bootloader import build_bootloader
from tests.emulator.boot.board import TARGET, Board, running_build
from tests.emulator.boot.test_update import confirm, install, packed

NOISE = b"\x55" * 4096  # no command: a command is followed by its complement


@contextmanager
def endless_noise(link: Link) -> Iterator[None]:
    """As fast as the board takes it, so that it never hears silence."""
    ended = threading.Event()

    def talk() -> None:
        while not ended.is_set():
            link.write(NOISE)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def read_for(link: Link, duration_s: float, wanted: bytes) -> bytes:
    """What comes until `wanted` is in it, or time is up."""
    data, deadline_s = b"", time.monotonic() + duration_s
    while wanted not in data and time.monotonic() < deadline_s:
        data += link.read(0.1)
    return data


FULL_LINE = """
#include <stdio.h>
#include <stdlib.h>
#include "board.h"
#include "line.h"

static uint64_t ticks;
static const board_clock_t CLOCK = {"timer", 1000000u, 1, 0, 1};

const board_clock_t *board_clock(void) { return &CLOCK; }
uint64_t board_ticks(void) { return ticks += 10; }
bool board_can_put(void) { return true; }
void board_put(uint8_t byte) { (void)byte; }
int board_get(void) { return 0x55; } /* there is always one more */

void board_drain(void) {}
static void ended(void) { printf("%u", (unsigned)(ticks / 1000u)); exit(0); }

int main(void)
{
    WAITS;
    ended();
}
"""
LOADER = """
#include "an3155.h"
#include "flash.h"
#include "handover.h"
#include "info.h"
#include "slots.h"

bool flash_erase(uint32_t address, uint32_t count) { return address < count; }
bool flash_program(uint32_t address, const void *from, uint32_t count) { return from && address < count; }
bool slots_begin(void) { return false; }
uint32_t slots_written(void) { return 0; }
uint32_t slots_readable(void) { return 0; }
application_verdict_t slots_verdict(void) { return APPLICATION_NONE; }
void info_read(boot_info_t *info) { (void)info; }
void handover_reset(uint32_t request) { (void)request; ended(); }
"""
HANDOVER = """
enum { HANDOVER_NONE, HANDOVER_START };
void handover_reset(uint32_t request);
"""
LAYOUT = {
    "SLOTS": 1, "HEADER_BYTES": 512, "SLOT_ORIGIN": 0x8000, "SLOT_BYTES": 0x8000, "BLOCK_BYTES": 0x1000,
    "WRITE_BYTES": 4, "FRAME_MS": 300,
}  # fmt: skip


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize(
    ("waits", "least_ms", "most_ms"),
    [
        ("line_wait_silence()", 900, 1100),
        ("an3155_called(300u)", 590, 610),  # at the start: then an application is started
        ("an3155_run()", 59_000, 62_000),  # a minute without a command, and a refusal of a second at most
    ],
)
def test_nothing_is_awaited_for_ever(tmp_path: Path, waits: str, least_ms: int, most_ms: int) -> None:
    """On this machine, because no host feeds an emulated board without a gap."""
    (tmp_path / "main.c").write_text(FULL_LINE.replace("int main", LOADER + "\nint main").replace("WAITS", waits))
    (tmp_path / "handover.h").write_text(HANDOVER)
    root = shipped("firmware")
    flags = [f"-I{folder}" for folder in (tmp_path, root / "boot", root / "boards")]
    flags += [f"-DBOOT_{name}={value}u" for name, value in LAYOUT.items()]
    sources = [root / "boot" / name for name in ("line.c", "an3155.c")]
    subprocess.run(["gcc", "-std=c11", *flags, "main.c", *sources, "-o", "main"], cwd=tmp_path, check=True)
    waited_ms = int(subprocess.run([tmp_path / "main"], capture_output=True, timeout=20, check=True).stdout)
    assert least_ms <= waited_ms <= most_ms


@pytest.mark.slow
def test_noise_does_not_keep_an_application_from_starting(board, application) -> None:
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    board.loader(link).connect()  # it stays in the loader now, for a minute after the last command
    with endless_noise(link):
        assert b"m-init-done" in read_for(link, 120.0, b"m-init-done")
    assert running_build(link) == application(1).build_id


def test_bytes_that_nothing_covers_are_refused(board, application) -> None:
    """Digest and signature hold, whatever lies between the header's last field and the payload."""
    link = board.power_on()
    install(board, link, application(1))
    confirm(link)
    for place in (160, 300, 511):
        whole = packed(application(2)).segments[0]
        content = whole.content[:place] + b"\x00" + whole.content[place + 1 :]
        hidden = Image((Segment(whole.address, content),))
        loader = board.loader(link)
        loader.connect()
        with pytest.raises(UsageError, match="neither digest nor signature covers"):
            loader.prepare(hidden)
        loader.erase(hidden, Silent())
        loader.write(hidden, Silent())
        assert loader.info().written.verdict is Verdict.HEADER
        with pytest.raises(DeviceError, match="neither digest nor signature covers"):
            loader.start(hidden)
    board.power_off()
    assert running_build(board.power_on()) == application(1).build_id


def test_a_name_as_long_as_its_field_is_whole_and_a_longer_one_is_not_built(bootloader, tmp_path: Path) -> None:
    bootloader()  # skips where its sources are not to be had
    target = load_target(TARGET)
    longest = "a-board-with-a-name-of-32-bytes."
    assert len(longest) == 32
    board = Board(build_bootloader(target.model_copy(update={"name": longest}), tmp_path), tmp_path / "flash.bin")
    try:
        loader = board.loader(board.power_on())
        assert loader.info().target == longest
        assert loader.info().running.verdict is Verdict.NONE
    finally:
        board.power_off()
    with pytest.raises(ToolchainError, match="the name fits its field"):
        build_bootloader(target.model_copy(update={"name": longest + "x"}), tmp_path / "longer")


def test_a_board_without_a_key_is_called_so_at_each_flash(board) -> None:
    link = board.power_on()
    assert board.loader(link).connect().endswith("takes unsigned images, from whoever reaches this port")
