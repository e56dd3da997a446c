"""The standard commands, to the letter."""

from __future__ import annotations

import re
import time
import zlib

import pytest

from edgeprune.device.console.console import Console
from edgeprune.device.emulator.emulator import EmulatorLink

BOARDS = ["mps2-an386"]


@pytest.fixture(params=BOARDS)
def console(request, tiny):
    link = EmulatorLink(request.param, tiny(request.param).elf)
    link.open()
    try:
        yield Console(link)
    finally:
        link.close()


@pytest.fixture
def booted(console):
    # the boot lines are a reply without a command
    assert console.command("", 10) == ["m-timestamp-mode-performance", "m-init-done"]
    return console


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("name", ["m-name-dut-[EdgePrune]"]),
        ("profile", ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[tiny01]"]),
        ("db", ["e-[Command 'db' requires a subcommand]"]),
        ("db load", ["e-[Command 'db load' requires the # of bytes]"]),
        ("db load 16", ["m-[Expecting 16 bytes]"]),
        ("db load 0", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load x", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db load 17", ["e-[Supplied buffer size 17 exceeds maximum of 16]"]),
        ("db load 99999999999", ["e-[Command 'db load' must be >0 bytes]"]),
        ("db 123", ["e-[Insufficent number of hex digits]"]),
        ("db 1g", ["e-[Invalid hex digit '1g']"]),
        ("infer 0", ["e-[Inference iterations must be >0]"]),
        ("infer -1", ["e-[Inference iterations must be >0]"]),
        ("infer 1 -1", ["e-[Inference warmup must be >=0]"]),
        ("infer", ["e-[Input incomplete: 0 of 16 bytes are loaded]"]),
        ("results", ["e-[No inference has run]"]),
        ("bogus", ["e-[Unknown command: bogus]"]),
        ("ep", ["e-[Command 'ep' requires a subcommand]"]),
        ("ep bogus", ["e-[Unknown command: ep bogus]"]),
        ("ep layers", ["e-[Command 'ep layers' requires a count >0]"]),
        ("ep layers 1", ["e-[Input incomplete: 0 of 16 bytes are loaded]"]),
        ("ep output", ["e-[No inference has run]"]),
        ("ep load 1 1", ["e-[Frame beyond the end of what is loaded]"]),
        ("ep load 8 8", ["e-[Frame beyond the end of what is loaded]"]),
        ("ep loaded", ["e-[The input has another CRC]"]),
        ("ep loaded 00000000", ["e-[The input has another CRC]"]),
        ("ep load 0 17", ["e-[Command 'ep load' requires an offset and 1 to 512 bytes inside the input]"]),
        ("ep load 16 1", ["e-[Command 'ep load' requires an offset and 1 to 512 bytes inside the input]"]),
        ("ep load 0 0", ["e-[Command 'ep load' requires an offset and 1 to 512 bytes inside the input]"]),
        ("ep load 0", ["e-[Command 'ep load' requires an offset and 1 to 512 bytes inside the input]"]),
        ("x" * 79, [f"e-[Unknown command: {'x' * 79}]"]),
        ("x" * 80, ["e-[Command too long]"]),
        ("x" * 5000, ["e-[Command too long]"]),
        (" name ", ["m-name-dut-[EdgePrune]"]),
        ("\r\nname", ["m-name-dut-[EdgePrune]"]),
    ],
)
def test_reply(booted, command, lines):
    reply = booted.command(command)
    if command.startswith("ep"):
        assert re.fullmatch(r"m-ep-crc-[0-9a-f]{8}", reply.pop())
    assert reply == lines


def test_db_load_prints_back(booted):
    assert booted.command("db load 10") == ["m-[Expecting 10 bytes]"]
    assert booted.command("db 0001fF") == []
    assert booted.command("db 10203040506070") == ["m-load-done"]
    assert booted.command("db print") == ["m-buffer-00-01-ff-10-20-30-40-50", "m-buffer-60-70"]
    assert booted.command("db 00") == ["e-[More bytes than 'db load' announced]"]


WHOLE = "db " + bytes(range(1, 17)).hex()
HALF = "db " + bytes(range(1, 9)).hex()


@pytest.mark.parametrize(
    ("commands", "there"),
    [
        ([], 0),
        (["db load 8", HALF], 8),  # announced and sent, and still half an input
        (["db load 16", HALF], 8),
        (["db load 16", WHOLE, "db load 16"], 0),
        (["db load 16", WHOLE, "db load 16", "db 01"], 1),
        (["db load 16", WHOLE, "db load 17"], 0),
        (["db load 16", WHOLE, "db load 0"], 0),
        (["db load 16", WHOLE, "db load"], 0),
        (["db load 16", HALF, "db 1"], 0),
        (["db load 16", HALF, "db 0g"], 0),
        (["db load 16", WHOLE, "db 00"], 0),  # one byte more than announced
        (["db load 16", WHOLE, "ep loaded 00000000"], 0),
    ],
)
def test_nothing_is_inferred_from_half_an_input(booted, commands, there):
    refused = [f"e-[Input incomplete: {there} of 16 bytes are loaded]"]
    for command in commands:
        booted.command(command)
    assert booted.command("infer 1 0") == refused
    assert booted.command("ep layers 1")[:-1] == refused
    assert booted.command("results") == ["e-[No inference has run]"]
    print_lines = booted.command("db print")
    assert len("-".join(print_lines).replace("m-buffer-", "").split("-")) == max(there, 1)
    booted.command("db load 16")
    assert booted.command(WHOLE) == ["m-load-done"]
    assert booted.command("infer 1 0")[-1].startswith("m-results-[")


def test_a_frame_counts_when_it_is_whole_and_in_its_place(booted, console):
    def send(offset: int, frame: bytes, damage: int = 0) -> str:
        console._link.write(f"ep load {offset} {len(frame)}%".encode())
        assert console._lines.line(time.monotonic() + 10) == f"m-ep-send-{len(frame)}"
        console._link.write(frame + (zlib.crc32(frame) ^ damage).to_bytes(4, "little"))
        return console._lines.reply(10)[0]

    def there() -> str:
        return booted.command("infer 1 0")[0]

    assert send(0, bytes(8)) == "m-ep-loaded-8"
    assert there() == "e-[Input incomplete: 8 of 16 bytes are loaded]"
    assert send(8, bytes(8), damage=1) == "e-[Frame damaged]"
    assert there() == "e-[Input incomplete: 8 of 16 bytes are loaded]"
    assert send(8, bytes(8)) == "m-ep-loaded-16"
    assert there() == "m-warmup-start-0"
    assert send(0, bytes(8)) == "m-ep-loaded-8"  # the next input begins
    assert there() == "e-[Input incomplete: 8 of 16 bytes are loaded]"
    assert send(8, bytes(8)) == "m-ep-loaded-16"
    assert there() == "m-warmup-start-0"
    assert send(4, bytes(4), damage=1) == "e-[Frame damaged]"
    assert there() == "e-[Input incomplete: 4 of 16 bytes are loaded]"


def test_an_input_that_came_past_the_console_counts_when_its_crc_holds(booted, console):
    inputs = bytes(range(16))
    console._link.poke(booted.identity().input_address, inputs)
    assert booted.command("infer 1 0") == ["e-[Input incomplete: 0 of 16 bytes are loaded]"]
    assert booted.command(f"ep loaded {zlib.crc32(inputs):08x}")[0] == "m-ep-loaded-16"
    assert booted.command("infer 1 0")[-1].startswith("m-results-[")


def test_infer_reports_warmups_laps_and_results(booted):
    booted.command("db load 16")
    booted.command("db " + bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]).hex())
    reply = booted.command("infer 2 3")
    assert reply[:3] == ["m-warmup-start-3", "m-warmup-done", "m-infer-start-2"]
    laps = [int(re.fullmatch(r"m-lap-us-([0-9]+)", line)[1]) for line in reply[3:5]]
    # two inferences of 3684 instructions, 64 ns each
    assert laps[1] - laps[0] == pytest.approx(2 * 3684 * 0.064, abs=2)
    assert reply[5:] == ["m-infer-done", "m-results-[0.609,0.625,0.641,0.656,0.202,-32.000]"]
    assert booted.command("results") == [reply[-1]]
    # 1 and 10 are the standard's defaults
    assert booted.command("infer")[:3] == ["m-warmup-start-10", "m-warmup-done", "m-infer-start-1"]


def test_timestamp_moves_on(booted):
    laps = [int(re.fullmatch(r"m-lap-us-([0-9]+)", booted.command("timestamp")[0])[1]) for _ in range(3)]
    assert laps == sorted(laps) and laps[0] < laps[2]


def test_help_names_every_verb(booted):
    text = " ".join(booted.command("help"))
    for verb in ("name", "profile", "timestamp", "db", "infer", "results", "ep"):
        assert verb in text
