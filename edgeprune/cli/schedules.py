"""`edgeprune schedules list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.explained import Fact, show_catalogue, show_entry
from edgeprune.cli.output.printer import Printer

if TYPE_CHECKING:
    from edgeprune.fitting.schedule import Schedule

_NEEDS: Fact[Schedule] = Fact("needs", "needs", lambda schedule: ["early weights"] if schedule.needs_early else [])


@click.group("schedules")
def command() -> None:
    """List and explain the ways from a trained network to a thinned one (`fit --schedule`).

    \b
    Examples:
      edgeprune schedules list
      edgeprune schedules show iterative
    """


@command.command("list")
@json_option
def list_schedules(printer: Printer) -> None:
    """List the schedules; `fit` without one thins in steps, with training after each."""
    from edgeprune.fitting.schedule import SCHEDULES

    show_catalogue(printer, "schedules", SCHEDULES, _NEEDS, "how widths are reached")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one schedule: what is done in which order, and the paper it comes from."""
    from edgeprune.fitting.schedule import SCHEDULES

    show_entry(printer, SCHEDULES.find(name), _NEEDS)
