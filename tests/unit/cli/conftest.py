"""`cli(*arguments)` runs the command line in this process and returns its outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import run_edgeprune


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        return json.loads(self.stdout)


Cli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def no_width_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parallel test run sets COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def cli() -> Cli:
    def run(*arguments: str) -> Outcome:
        done = run_edgeprune(*arguments, cwd=Path.cwd())
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run
