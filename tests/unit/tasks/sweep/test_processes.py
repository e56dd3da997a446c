"""Processes that die before they answer: by what, and what they said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeprune.tasks.sweep.outcome import FAILED, WAITING, Outcome
from edgeprune.tasks.sweep.processes import run_trials
from edgeprune.tasks.sweep.table import LOG, Row


def outcome_in(folder: Path) -> Outcome:
    row = Row(1, "run-1", {}, WAITING, 0, None, None, None)
    ((_, outcome),) = run_trials(folder, [row], 1, folder / LOG, lambda row: None)
    return outcome


def test_an_interpreter_that_does_not_start_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    outcome = outcome_in(tmp_path)
    assert outcome.state == FAILED and outcome.error is not None
    assert "exit code 1" in outcome.error and str(tmp_path / LOG) in outcome.error
    assert (tmp_path / LOG).read_text().count("No module named 'encodings'") == 3


def test_a_signal_without_a_name_has_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dies"
    program.write_text("#!/bin/sh\nkill -40 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert "the last by signal 40" in str(outcome_in(tmp_path).error)
