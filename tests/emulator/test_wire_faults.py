"""A few of benchmarks/wire_faults.py's: a session over a bad cable ends in the truth or in an error with a remedy."""

from __future__ import annotations

from collections import Counter

import pytest

from edgeprune.device.emulator.emulator import EmulatorLink
from tests.emulator.boot.conftest import application, board, bootloader  # noqa: F401 (fixtures)
from tests.emulator.wire_sessions import GOOD, Ending, Subject, count_bytes, hold
from tests.emulator.wire_subjects import BootSubject, ConsoleSubject, RomSubject


@pytest.fixture
def subject(request, tiny) -> Subject:
    if request.param == "update":
        make = request.getfixturevalue("application")
        return BootSubject(request.getfixturevalue("board"), [make(version) for version in (1, 2, 3)])
    if request.param == "console":
        firmware = tiny("mps2-an386")
        link = EmulatorLink("mps2-an386", firmware.elf)
        link.open()
        request.addfinalizer(link.close)
        return ConsoleSubject(link, firmware)
    return RomSubject(extended=request.param == "rom-44")


@pytest.mark.parametrize(
    ("subject", "count"), [("update", 10), ("console", 20), ("rom-43", 60), ("rom-44", 60)], indirect=["subject"]
)
def test_no_session_over_a_bad_cable_ends_in_something_untrue(subject, count) -> None:
    count_bytes(subject)
    held = [hold(subject, seed) for seed in range(count)]
    assert [f"{seed}: {session}" for seed, session in enumerate(held) if session.ending not in GOOD] == []
    assert Counter(session.ending for session in held)[Ending.RIGHT] >= count // 2
    assert any(session.struck for session in held)
