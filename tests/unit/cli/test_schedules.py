"""`edgeprune schedules`, and the schedules of a fit that are refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.fitting.schedule import SCHEDULES
from tests.unit.cli.conftest import Cli


def test_list_names_every_schedule_and_what_it_needs(cli: Cli) -> None:
    rows = cli("schedules", "list", "--json").data["schedules"]
    assert [row["name"] for row in rows] == list(SCHEDULES.all())
    needs = {row["name"]: row["needs"] for row in rows}
    assert needs["rewind"] == ["early weights"] and needs["one-shot"] == []


@pytest.mark.parametrize("name", SCHEDULES.all())
def test_show_explains_in_words(cli: Cli, name: str) -> None:
    data, text = cli("schedules", "show", name, "--json").data, " ".join(cli("schedules", "show", name).stdout.split())
    assert data["name"] == name and all(" ".join(part.split()) in text for part in data["description"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--schedule", "sometimes"), "no schedule is called 'sometimes'"),
        (("--schedule", "rewind"), "needs early weights"),
        (("--schedule", "one-shot", "--granularity", "blocks"), "thins channels alone"),
        (("--rewind", "early.pt"), "that nothing reads"),
        (("--schedule", "one-shot", "--steps", "3"), "takes its own steps"),
    ],
)
def test_a_fit_refuses_what_does_not_go_together(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "early.pt").write_bytes(b"")
    outcome = cli("fit", "--target", "cortex-m4", *options, "--json")
    assert outcome.exit_code == 2 and words in outcome.data["error"]
    assert not (tmp_path / "runs").exists()
