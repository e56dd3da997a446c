"""`edgeprune criteria`."""

from __future__ import annotations

import pytest

from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.prune.scoring.criterion import CRITERIA
from tests.unit.cli.conftest import Cli


def test_list_names_every_criterion_and_what_it_looks_at(cli: Cli) -> None:
    rows = cli("criteria", "list", "--json").data["criteria"]
    assert [row["name"] for row in rows] == list(CRITERIA.all())
    needs = {row["name"]: row["needs"] for row in rows}
    assert needs["l1"] == ["weights"] and "curvature" in needs["obd"] and "training" in needs["group-lasso"]
    assert all(name in cli("criteria", "list").stdout for name in CRITERIA.all())


@pytest.mark.parametrize("name", ["fpgm", "beta-bernoulli"])
def test_show_explains_in_a_paragraph_and_names_the_paper(cli: Cli, name: str) -> None:
    data = cli("criteria", "show", name, "--json").data
    text = " ".join(cli("criteria", "show", name).stdout.split())
    assert data["name"] == name and "arXiv" in data["description"][-1]
    assert all(" ".join(part.split()) in text for part in [*data["description"], *data["arguments"]])


def test_a_comparison_of_none_is_refused(cli: Cli) -> None:
    outcome = cli("criteria", "compare", "--target", "cortex-m4", "--criteria", ",")
    assert outcome.exit_code == 2 and "',' names nothing" in outcome.stderr


def test_a_criterion_is_compared_with_others_not_with_itself(cli: Cli) -> None:
    outcome = cli("criteria", "compare", "--target", "cortex-m4", "--criteria", "l2,taylor, l2")
    assert outcome.exit_code == 2 and "names something twice" in outcome.stderr


def test_the_catalogue_is_read_after_a_command_as_before(cli: Cli) -> None:
    """Modules that a command imported register their entries once."""
    cli("criteria", "list")
    assert GRANULARITIES.find("weights")


def test_show_of_an_unknown_criterion_suggests(cli: Cli) -> None:
    outcome = cli("criteria", "show", "taylr", "--json")
    assert outcome.exit_code == 2 and "taylor" in outcome.data["hint"]
