"""Places in the user's own code: which line a call comes from, and what is written there."""

from __future__ import annotations

import linecache
import traceback
from pathlib import Path
from types import FrameType

import numpy as np
import torch

UNKNOWN = "an unknown line"
_LIBRARY = (str(Path(torch.__file__).parent), str(Path(np.__file__).parent), str(Path(__file__).parents[1]), "<")
_LONGEST = 120
_PATHS: dict[str, str] = {}  # file name, as messages have it -> where it lies


def user_line(frame: FrameType | None) -> str:
    """`model.py:42` for the innermost frame of the user's own."""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_LIBRARY):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return UNKNOWN


def failed_at(error: Exception) -> str:
    """The user's last line on the way to the error."""
    lines = [
        _place(entry.filename, entry.lineno)
        for entry in traceback.extract_tb(error.__traceback__)
        if not entry.filename.startswith(_LIBRARY)
    ]
    return lines[-1] if lines else UNKNOWN


def quoted(where: str) -> str:
    """What the user wrote there, as a line of its own to put behind a message; empty where the file is not at hand."""
    name, _, number = where.rpartition(":")
    text = linecache.getline(_PATHS[name], int(number)).strip() if name in _PATHS else ""
    return f"\n    {where}: {text[:_LONGEST]}" if text else ""


def _place(path: str, line: int | None) -> str:
    name = Path(path).name
    _PATHS[name] = path
    return f"{name}:{line}"
