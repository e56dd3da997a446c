"""Exceptions -> one message, one hint, one exit code.

A deliberate error states what is wrong. Anything unexpected is reported as a fault of EdgePrune; its traceback
goes to a file. With `--json` the failure is a JSON object on stdout too, so that stdout is valid JSON in every case.
"""

from __future__ import annotations

import errno
import sys
from dataclasses import asdict, dataclass

import click

from edgeprune.cli.output.plain_text import plain
from edgeprune.errors import EdgePruneError
from edgeprune.release import __version__

INTERRUPTED = 130
_NOT_ALLOWED = "choose a folder you may write to, or change who may"
_OS_HINTS = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: "choose a folder on a disk that can be written to",
    errno.EFBIG: "files may not be so large here: raise the limit (`ulimit -f`), or choose another disk",
    errno.EIO: "the disk does not answer as it should: look at it before you trust what it holds",
}
_OF_DISKS = (errno.EROFS, errno.EFBIG, errno.EIO)


@dataclass(frozen=True)
class Failure:
    error: str
    hint: str | None
    exit_code: int


def failure_of(error: Exception, arguments: list[str]) -> Failure:
    """The failure to report; `arguments` are the command line's, for the fault report."""
    if isinstance(error, EdgePruneError):
        return Failure(error.message, error.hint, error.exit_code)
    if isinstance(error, click.UsageError):
        return Failure(error.format_message(), f"'{_path_of(error.ctx)} --help' explains its options", 2)
    if isinstance(error, click.ClickException):
        return Failure(error.format_message(), None, error.exit_code)
    if isinstance(error, click.Abort) or _was_interrupted(error):
        return Failure("interrupted", None, INTERRUPTED)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" while writing {error.filename}" if error.filename else ""
        return Failure(f"the disk is full{place}", "free some space and run the same command again", 1)
    if isinstance(error, OSError) and error.filename is not None:
        return Failure(f"{error.filename}: {error.strerror}", _OS_HINTS.get(error.errno or 0), 1)
    if isinstance(error, OSError) and error.errno in _OF_DISKS:
        return Failure(f"a file cannot be written: {error.strerror}", _OS_HINTS[error.errno], 1)
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return Failure("no folder for temporary files can be written to", "name one with space in TMPDIR", 1)
    if isinstance(error, MemoryError):
        return Failure("this machine is out of memory", "close other programs, or lower the batch size", 1)
    return _fault(error, arguments)


def show_failure(failure: Failure, as_json: bool) -> None:
    """The message on stderr, and as JSON on stdout where that was requested."""
    import json

    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    for label, style, text in (("error:", "bold red", failure.error), ("hint:", "bold cyan", failure.hint)):
        if text is not None:
            console.print(label, style=style, end=" ")
            console.print(plain(text))
    if as_json:
        sys.stdout.write(json.dumps(asdict(failure)) + "\n")


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C lies behind it: a library that is being imported may turn it into an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _path_of(context: click.Context | None) -> str:
    return context.command_path if context is not None else "edgeprune"


def _fault(error: Exception, arguments: list[str]) -> Failure:
    import platform
    import shlex
    import tempfile
    import traceback

    lines = [
        f"edgeprune {shlex.join(arguments)}",
        f"EdgePrune {__version__}, Python {platform.python_version()}, {platform.platform()}",
        "",
        *traceback.format_exception(error),
    ]
    summary = " ".join(str(error).split())[:200]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="edgeprune-fault-", suffix=".txt", delete=False) as report:
            report.write("\n".join(lines))
        hint = f"please report it; the details are in {report.name}"
    except OSError as problem:
        hint = f"please report it; the details could not be written: {problem.strerror}"
    return Failure(f"this is a fault of EdgePrune: {type(error).__name__}: {summary}", hint, 1)
