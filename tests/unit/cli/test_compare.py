"""`edgeprune compare`: what it refuses before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.fitting.schedule import SCHEDULES
from tests.unit.cli.conftest import Cli


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--schedules", "sometimes"), "no schedule is called 'sometimes'"),
        (("--schedules", "one-shot,rewind"), "needs early weights"),
        (("--criteria", "l2,l3"), "no criterion is called 'l3'"),
        (("--scales", "1,0"), "no list of numbers above 0"),
        (("--scales", "half"), "no list of numbers above 0"),
    ],
)
def test_what_is_not_known_is_refused(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    outcome = cli("compare", "--target", "cortex-m4", "--out", str(tmp_path / "out"), *arguments, "--json")
    assert outcome.exit_code == 2 and message in outcome.data["error"]
    assert not (tmp_path / "out").exists()


def test_help_explains_every_schedule(cli: Cli) -> None:
    text = cli("compare", "--help").stdout
    assert all(name in text for name in SCHEDULES.all())
