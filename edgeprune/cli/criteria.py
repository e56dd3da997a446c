"""`edgeprune criteria list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.explained import Fact, show_catalogue, show_entry
from edgeprune.cli.output.printer import Printer

if TYPE_CHECKING:
    from edgeprune.prune.scoring.criterion import Criterion, Procedure

_NEEDS: Fact[Criterion | Procedure] = Fact("needs", "needs", lambda criterion: sorted(criterion.needs))


@click.group("criteria")
def command() -> None:
    """List and explain the criteria that rank channels (`fit --criterion`).

    \b
    Examples:
      edgeprune criteria list
      edgeprune criteria show taylor
    """


@command.command("list")
@json_option
def list_criteria(printer: Printer) -> None:
    """List the criteria, with the data each needs."""
    from edgeprune.prune.scoring.criterion import CRITERIA

    show_catalogue(printer, "criteria", CRITERIA, _NEEDS, "what it measures")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one criterion: the formula in words, the paper, the data it needs."""
    from edgeprune.prune.scoring.criterion import CRITERIA

    show_entry(printer, CRITERIA.find(name), _NEEDS)
