"""The command line run in the tests' own process: the same code, without three seconds of starting for each command."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

from edgeprune.cli.main import main


def run_edgeprune(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Exit code, stdout and stderr, as a process of its own would give them; nothing is typed into it.

    Modules of the user's project are forgotten afterwards: another project may have one of the same name. EdgePrune's
    own stay where `cwd` is the repository itself: imported again, they would register their entries twice.
    """
    words, stdout, stderr = [str(argument) for argument in arguments], io.StringIO(), io.StringIO()
    known, exit_code = set(sys.modules), 0
    with (
        contextlib.chdir(cwd),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "stdin", io.StringIO()),
    ):
        try:
            main(words)
        except SystemExit as end:
            exit_code = int(end.code or 0)
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None)
        is_own = name.partition(".")[0] in ("edgeprune", "tests")
        if not is_own and file is not None and cwd.resolve() in Path(file).resolve().parents:
            del sys.modules[name]
    return subprocess.CompletedProcess(["edgeprune", *words], exit_code, stdout.getvalue(), stderr.getvalue())
