"""Places in the user's own code: which line a call comes from, and what is written there."""

from __future__ import annotations

import linecache
import os
import sysconfig
import traceback
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
import torch
from torch import nn

_LIBRARY = (
    str(Path(torch.__file__).parent),  # and torchvision's, whose lines a user calls with one of their own
    str(Path(np.__file__).parent),
    f"{Path(__file__).parents[1]}{os.sep}",
    "<",
)
_STANDARD = f"{sysconfig.get_path('stdlib')}{os.sep}"
_LONGEST = 120
_PATHS: dict[str, str] = {}  # file name, as messages have it -> where it lies


def user_line(frame: FrameType | None, outside: CodeType) -> str:
    """`model.py:42` for the innermost frame of the user's own; empty where there is none.

    Args:
        outside: the function that calls the user's code: it and what called it are none of theirs.
    """
    while frame is not None and frame.f_code is not outside:
        if _is_users(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def failed_at(error: Exception) -> str:
    """The user's last line on the way to the error; empty where there is none."""
    lines = [
        _place(entry.filename, entry.lineno)
        for entry in traceback.extract_tb(error.__traceback__)
        if _is_users(entry.filename)
    ]
    return lines[-1] if lines else ""


def layer_of(error: Exception, module: nn.Module) -> str:
    """The innermost layer on the way to the error; empty where there is none."""
    paths = {id(child): path for path, child in module.named_modules() if path}
    owners = [paths.get(id(frame.f_locals.get("self"))) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((f"layer {path}" for path in reversed(owners) if path), "")


def quoted(where: str) -> str:
    """What the user wrote there, as a line of its own to put behind a message; empty where the file is not at hand."""
    name, _, number = where.rpartition(":")
    text = linecache.getline(_PATHS[name], int(number)).strip() if name in _PATHS else ""
    return f"\n    {where}: {text[:_LONGEST]}" if text else ""


def _is_users(path: str) -> bool:
    is_standard = path.startswith(_STANDARD) and "site-packages" not in path and "dist-packages" not in path
    return not is_standard and not path.startswith(_LIBRARY)


def _place(path: str, line: int | None) -> str:
    name = Path(path).name
    _PATHS[name] = path
    return f"{name}:{line}"
