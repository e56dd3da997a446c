"""`edgeprune granularities list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.explained import Fact, show_catalogue, show_entry
from edgeprune.cli.output.printer import Printer

if TYPE_CHECKING:
    from edgeprune.fitting.granularity import Granularity

_MOMENT: Fact[Granularity] = Fact("moment", "acts", lambda granularity: granularity.moment)


@click.group("granularities")
def command() -> None:
    """List and explain what a fit can remove beside channels (`fit --granularity`).

    \b
    Examples:
      edgeprune granularities list
      edgeprune granularities show blocks
    """


@command.command("list")
@json_option
def list_granularities(printer: Printer) -> None:
    """List the granularities, with the moment of a fit each acts at."""
    from edgeprune.fitting.granularity import GRANULARITIES

    show_catalogue(printer, "granularities", GRANULARITIES, _MOMENT, "what goes")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one granularity: what goes, by which method, and where it pays."""
    from edgeprune.fitting.granularity import GRANULARITIES

    show_entry(printer, GRANULARITIES.find(name), _MOMENT)
