"""The frame: what is imported, what every exception becomes, which exit code."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from edgeprune import errors
from edgeprune.cli import main as frame
from edgeprune.cli.options.common import json_option
from edgeprune.cli.options.lazy import LazyCommand
from edgeprune.cli.output.printer import Printer
from edgeprune.release import __version__
from tests.unit.cli.conftest import Cli

HEAVY = ("torch", "numpy", "pydantic", "litert_torch", "ai_edge_litert", "ai_edge_quantizer", "sklearn", "serial")

Raiser = Callable[[BaseException], None]


@pytest.fixture
def raising() -> Iterator[Raiser]:
    """A command `boom` that raises what it is given."""

    def install(error: BaseException) -> None:
        @click.command("boom")
        @click.option("--json", is_flag=True)
        def boom(json: bool) -> None:
            raise error

        frame.edgeprune.add_command(boom)

    yield install
    frame.edgeprune.commands.pop("boom", None)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom edgeprune.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "targets" in done.stdout


def test_every_command_loads_and_its_listed_line_is_its_own() -> None:
    for name, line in frame.COMMANDS.items():
        stand_in = frame.edgeprune.commands[name]
        assert isinstance(stand_in, LazyCommand)
        command = stand_in.load()
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


def test_without_a_command_it_shows_help(cli: Cli) -> None:
    outcome = cli()
    assert outcome.exit_code == 0
    assert "Usage" in outcome.stdout
    assert outcome.stderr == ""


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"edgeprune {__version__}\n"
    assert cli("version", "--json").data["edgeprune"] == __version__
    assert __version__ in cli("version").stdout


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.EdgePruneError, 1),
        (errors.ModelError, 1),
        (errors.UnsupportedOp, 1),
        (errors.DataError, 1),
        (errors.UsageError, 2),
        (errors.DoesNotFit, 3),
        (errors.DeviceError, 4),
        (errors.VerificationError, 5),
        (errors.ToolchainError, 6),
    ],
)
def test_a_deliberate_error_is_two_lines(
    cli: Cli, raising: Raiser, error: type[errors.EdgePruneError], exit_code: int
) -> None:
    raising(error("arena needs [131,072 B]", hint="take a larger board"))
    outcome = cli("boom")
    assert outcome.exit_code == exit_code
    assert outcome.stderr == "error: arena needs [131,072 B]\nhint: take a larger board\n"
    assert outcome.stdout == ""


def test_a_failure_is_json_too(cli: Cli, raising: Raiser) -> None:
    raising(errors.DoesNotFit("too large"))
    outcome = cli("boom", "--json")
    assert outcome.data == {"error": "too large", "hint": None, "exit_code": 3}
    assert outcome.stderr == "error: too large\n"


def test_a_failure_after_the_result_adds_no_second_json(cli: Cli) -> None:
    @click.command("late")
    @json_option
    def late(printer: Printer) -> None:
        printer.result({"fits": False}, "does not fit")
        raise errors.DoesNotFit("too large")

    frame.edgeprune.add_command(late)
    try:
        outcome = cli("late", "--json")
        assert outcome.exit_code == 3
        assert outcome.data == {"fits": False}
        assert outcome.stderr == "error: too large\n"
        assert cli("late").stdout == "does not fit\n"
    finally:
        frame.edgeprune.commands.pop("late")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EFBIG, os.strerror(errno.EFBIG)), "hint: files may not be so large here"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "hint: choose a folder on a disk that can be written to"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/runs"), "hint: choose a folder you may write to"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "hint: name one with"),
    ],
)
def test_what_disks_refuse_has_a_remedy(cli: Cli, raising: Raiser, error: OSError, words: str) -> None:
    raising(error)
    outcome = cli("boom")
    assert outcome.exit_code == 1 and words in outcome.stderr and "fault of EdgePrune" not in outcome.stderr


def test_a_full_disk_is_named(cli: Cli, raising: Raiser) -> None:
    raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/runs/model.tflite"))
    outcome = cli("boom")
    assert outcome.exit_code == 1
    assert outcome.stderr.startswith("error: the disk is full while writing /runs/model.tflite\nhint: ")


def test_a_forbidden_file_is_named(cli: Cli, raising: Raiser) -> None:
    raising(PermissionError(errno.EACCES, "Permission denied", "/root/x"))
    assert cli("boom").stderr.startswith("error: /root/x: Permission denied\nhint: ")


def test_ctrl_c_is_one_line(cli: Cli, raising: Raiser) -> None:
    raising(KeyboardInterrupt())
    outcome = cli("boom", "--json")
    assert outcome.exit_code == 130
    assert outcome.stderr.strip() == "error: interrupted"
    assert outcome.data["exit_code"] == 130


def test_ctrl_c_that_a_library_turned_into_an_error_is_still_one_line(cli: Cli, raising: Raiser) -> None:
    error = ImportError("an extension did not load")
    error.__context__ = KeyboardInterrupt()
    raising(error)
    outcome = cli("boom")
    assert (outcome.exit_code, outcome.stderr.strip()) == (130, "error: interrupted")


def test_anything_else_is_a_fault_with_its_traceback_in_a_file(
    cli: Cli, raising: Raiser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising(ZeroDivisionError("division by zero"))
    outcome = cli("boom")
    assert outcome.exit_code == 1
    assert "this is a fault of EdgePrune: ZeroDivisionError: division by zero" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    (report,) = tmp_path.iterdir()
    assert str(report) in outcome.stderr
    text = report.read_text()
    assert text.startswith("edgeprune boom\n")
    assert "Traceback" in text


def test_a_fault_without_a_place_to_write_is_still_one_message(
    cli: Cli, raising: Raiser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    raising(ZeroDivisionError("x"))
    outcome = cli("boom")
    assert "could not be written: No such file or directory" in outcome.stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["targets", "list", "--colour"], ["targets", "show"]])
def test_a_wrong_command_line_points_at_help(cli: Cli, arguments: list[str]) -> None:
    outcome = cli(*arguments, "--json")
    assert outcome.exit_code == 2
    assert "--help" in outcome.data["hint"]
    assert outcome.stderr.startswith("error: ")


def test_a_wrong_command_suggests_the_nearest(cli: Cli) -> None:
    assert "targets" in cli("target").stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgeprune", "targets", "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "error: the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_colour_reaches_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune", "targets", "show", "nonsense"], capture_output=True, text=True
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert done.returncode == 2


def test_sigterm_unwinds() -> None:
    script = (
        "import time, click\nfrom edgeprune.cli import main as frame\n"
        "@click.command('wait')\ndef wait():\n    try:\n        print('ready', flush=True)\n        time.sleep(60)\n"
        "    finally:\n        print('cleaned up')\nframe.edgeprune.add_command(wait)\nframe.main(['wait'])"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == 128 + signal.SIGTERM
