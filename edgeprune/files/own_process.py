"""Processes that run a module of this very package, also where it is not installed: how many, and what one died by."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


def module_command(module: str) -> list[str]:
    """`python -m MODULE`, to be started in `own_environment()`; nothing in the current folder is imported."""
    return [sys.executable, "-P", "-m", module]


def own_environment(**others: str) -> dict[str, str]:
    """This process's, with where its package lies first on PYTHONPATH.

    Args:
        others: variables in place of its own.
    """
    paths = [_PACKAGE_PARENT, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | others


def usable_cores() -> int:
    """That this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def signal_name(number: int) -> str:
    """SIGKILL; `signal 40` where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
