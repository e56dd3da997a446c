"""What `refit` and `watch` refuse before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli
from tests.unit.tasks.runs_on_disk import begun, finished


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("refit",), "a run is refitted, or a refit resumed"),
        (("refit", "done"), "nothing is new"),
        (("refit", "done", "--weights", "missing.pt"), "does not exist"),
        (("refit", "nobody", "--weights", "new.pt"), "no run is called 'nobody'"),
        (("refit", "begun", "--weights", "new.pt"), "holds no finished run"),
        (("refit", "done", "--weights", "new.pt"), "is no run record of this version"),
        (("refit", "--resume", "begun"), "is no refit"),
        (("refit", "--resume", "begun", "--weights", "new.pt"), "keeps its weights and data"),
        (("refit", "done", "--weights", "new.pt", "--tag", "../bad"), "'../bad' is no tag"),
        (("watch", "done"), "nothing is watched"),
        (("watch", "done", "--weights", "new.pt", "--tag", "begun"), "'begun' is what runs/begun is called"),
        (("watch", "nobody", "--weights", "new.pt"), "no run is called 'nobody'"),
    ],
)
def test_it_is_refused_in_words(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    finished(tmp_path / "runs", "done")
    begun(tmp_path / "runs", "begun")
    (tmp_path / "new.pt").write_bytes(b"")
    outcome = cli(*arguments)
    assert outcome.exit_code == 2 and words in outcome.stderr and "hint:" in outcome.stderr
    assert len(list((tmp_path / "runs").glob("*/state.json"))) == 3  # and `latest`
