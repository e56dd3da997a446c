"""`edgeprune sweep`: refusals, and trials that end without training, through real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.tasks.sweep.table import NAME, TrialTable
from tests.unit.cli.conftest import Cli

PROJECT = """
[model]
entry = "model.py:build"
input = [1, 12, 12]

[data]
path = "data.npz"

[limits]
target = "cortex-m4"

[training]
seed = 7
"""
SWEEP = """
name = "small"
schedules = ["steps", "one-shot"]
granularities = ["blocks"]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose network ends the process that builds it, and a sweep of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeprune.toml").write_text(PROJECT)
    (tmp_path / "model.py").write_text("import os\n\n\ndef build():\n    os.kill(os.getpid(), 9)\n")
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep.toml", "--criteria", "l2"), "leave away --criteria"),
        (("--criteria", "l9"), "l9"),
        (("--scales", "1,0.5"), "scales no limit"),
        (("--scales", "-1", "--flash", "64k"), "no list of numbers above 0"),
        (("--scales", "1,1", "--flash", "64k"), "limits names something twice"),
        (("--target", "cortex-m3", "--targets", "cortex-m4"), "both name what is fitted"),
        (("--criteria", ","), "names nothing"),
        (("--name", "../up"), "name"),
        (("--resume",), "no sweep 'sweep' was begun"),
        (("sweep.toml", "--resume", "small"), "keeps its trials"),
    ],
)
def test_it_is_refused_in_words(cli: Cli, here: Path, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("sweep", *arguments)
    assert outcome.exit_code == 2 and words in outcome.stderr and "hint:" in outcome.stderr
    assert not (here / "runs").exists()


@pytest.mark.slow
def test_a_trial_that_kills_its_process_fails_alone(cli: Cli, here: Path) -> None:
    first = cli("sweep", "sweep.toml", "--workers", "2", "--json")
    assert first.exit_code == 1 and "1 of 2 trials failed" in first.stderr
    trials = first.data["trials"]
    assert [trial["state"] for trial in trials] == ["failed", "refused"]
    assert [trial["attempts"] for trial in trials] == [3, 0] and "SIGKILL" in trials[0]["error"]
    assert trials[0]["seed"] == 7
    assert "was begun" in cli("sweep", "sweep.toml").stderr

    assert len(TrialTable(here / "runs" / "sweeps" / "small" / NAME).rows()) == 2
    stayed = cli("runs", "gc", "--older-than", "0", "--json").data
    assert stayed["removed"] == [] and len(list((here / "runs").glob("small-*"))) == 1
