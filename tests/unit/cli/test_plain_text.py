"""No text of a device, a note or a file commands the terminal, wherever it is printed."""

from __future__ import annotations

import json
import os
import pty
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.cli.output.failure import Failure, show_failure
from edgeprune.cli.output.plain_text import plain
from edgeprune.cli.output.printer import TextPrinter
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import LiveProgress, PlainProgress
from edgeprune.device.loaders import uf2_drive
from tests.unit.cli.conftest import Cli

EVIL = "a\x1b]0;owned\x07b\x1b[2Jc\x9b31md\x7fe\u202ef\rg"
ALLOWED = {"\n", "\t"}


def is_harmless(text: str) -> bool:
    return all(c.isprintable() or c in ALLOWED for c in text)


@given(st.text())
def test_whatever_is_printed_is_printable(text: str) -> None:
    assert is_harmless(plain(text))
    if text.isprintable():
        assert plain(text) == text


def test_escapes_can_be_read() -> None:
    assert plain("a\x1b[2J\n\tb\x9b\u202e") == "a\\x1b[2J\n\tb\\x9b\\u202e"


def test_results_notes_and_failures(capsys: pytest.CaptureFixture[str]) -> None:
    TextPrinter().result({}, EVIL, table([EVIL, "x"], [[EVIL, EVIL]], title=EVIL))
    show_failure(Failure(EVIL, EVIL, 1), as_json=True)
    progress = PlainProgress()
    progress.note(EVIL)
    printed = capsys.readouterr()
    assert "owned" in printed.out and is_harmless(printed.out)
    assert printed.err.count("owned") == 3 and is_harmless(printed.err)


def test_bars_take_no_markup_and_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveProgress()
    with live.task("[/nothing] [red]" + EVIL, 2) as task:
        task.advance(1, "[/b]" + EVIL)
        (row,) = live._bars.tasks
        assert is_harmless(row.description) and is_harmless(row.fields["detail"])
        live._bars.refresh()
    live.note("[/b]" + EVIL)
    assert is_harmless(capsys.readouterr().err)


def test_devices_with_evil_names(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text(f"Model: {EVIL}\nBoard-ID: {EVIL}\n", newline="")
    monkeypatch.setattr(uf2_drive, "_mounted", lambda: [drive])
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(f"Host evil{EVIL}\n  HostName {EVIL}\n", newline="")
    listed = cli("devices")
    assert listed.exit_code == 0 and listed.stdout.count("owned") >= 3
    assert is_harmless(listed.stdout)
    as_json = cli("devices", "--json")
    assert is_harmless(as_json.stdout.replace("\x7f", "")) and json.loads(as_json.stdout)


@contextmanager
def a_board_that_says(answer: bytes) -> Iterator[str]:
    """Whatever is written to the port is answered with that."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                if os.read(master, 4096):
                    os.write(master, answer)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        ended.set()
        os.close(slave)
        os.close(master)


@pytest.mark.parametrize("answer", [b"e-[\x1b]0;owned\x07]\r\nm-ready\r\n", b"\x1b[2Jowned\r\n", b"owned\x1b\x7f\x00"])
def test_a_board_that_talks_to_the_terminal(cli: Cli, answer: bytes) -> None:
    with a_board_that_says(answer) as port:
        done = cli("flash", str(Path(__file__)), "--target", "mps2-an386-boot", "--port", port, "--no-go")
        shown = cli("monitor", "--port", port, "--seconds", "0.3")
    assert done.exit_code != 0
    assert is_harmless(done.stderr) and is_harmless(shown.stderr) and is_harmless(shown.stdout)
