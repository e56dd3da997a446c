"""`edgeprune granularities`."""

from __future__ import annotations

import pytest

from edgeprune.fitting.granularity import GRANULARITIES
from tests.unit.cli.conftest import Cli


def test_list_names_every_granularity_and_its_moment(cli: Cli) -> None:
    rows = cli("granularities", "list", "--json").data["granularities"]
    assert [row["name"] for row in rows] == list(GRANULARITIES.all())
    assert {row["name"]: row["moment"] for row in rows}["channels"] == "channels alone"
    assert all(name in cli("granularities", "list").stdout for name in GRANULARITIES.all())


@pytest.mark.parametrize("name", GRANULARITIES.all())
def test_show_explains_in_words(cli: Cli, name: str) -> None:
    data = cli("granularities", "show", name, "--json").data
    text = " ".join(cli("granularities", "show", name).stdout.split())
    assert data["name"] == name and data["summary"] and data["moment"] in text
    assert all(" ".join(part.split()) in text for part in [*data["description"], *data["arguments"]])


def test_a_fit_refuses_an_unknown_one_before_it_begins(cli: Cli) -> None:
    outcome = cli("fit", "--target", "cortex-m4", "--granularity", "atoms", "--json")
    assert outcome.exit_code == 2 and "no granularity is called 'atoms'" in outcome.data["error"]
