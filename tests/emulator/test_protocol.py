"""The standard commands, to the letter."""

from __future__ import annotations

import re

import pytest

from edgeprune.device.console import Console
from edgeprune.device.emulator import EmulatorLink

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
    # the boot lines are a reply nobody asked for
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
        ("bogus", ["e-[Unknown command: bogus]"]),
        ("ep", ["e-[Command 'ep' requires a subcommand]"]),
        ("ep bogus", ["e-[Unknown command: ep bogus]"]),
        ("ep layers", ["e-[Command 'ep layers' requires a count >0]"]),
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
