"""`edgeprune granularities list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.explained import show_entry
from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, table

if TYPE_CHECKING:
    from edgeprune.fitting.granularity import Granularity


@click.group("granularities")
def command() -> None:
    """List and explain what a fit can remove beside channels (`fit --granularity`)."""


@command.command("list")
@json_option
def list_granularities(printer: Printer) -> None:
    """List the granularities, with the moment of a fit each acts at."""
    from edgeprune.fitting.granularity import granularities

    found = [_facts(granularity) for granularity in granularities().values()]
    rows = [[fact["name"], fact["moment"], fact["summary"]] for fact in found]
    printer.result({"granularities": found}, table(["granularity", "acts", "what goes"], rows))


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one granularity: what goes, by which method, and where it pays."""
    from edgeprune.fitting.granularity import find_granularity

    found = find_granularity(name)
    show_entry(printer, found, _facts(found), f"acts: {found.moment}")


def _facts(found: Granularity) -> dict[str, Any]:
    return {"name": found.name, "summary": found.summary, "moment": found.moment}
