"""`edgeprune criteria list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.explained import show_entry
from edgeprune.cli.options import json_option
from edgeprune.cli.output import Printer, table

if TYPE_CHECKING:
    from edgeprune.prune.criterion import Criterion, Procedure


@click.group("criteria")
def command() -> None:
    """List and explain the ways to tell which channels matter (`fit --criterion`)."""


@command.command("list")
@json_option
def list_criteria(printer: Printer) -> None:
    """List the criteria, with what each looks at."""
    from edgeprune.prune.criterion import criteria

    found = [_facts(criterion) for criterion in criteria().values()]
    rows = [[fact["name"], ", ".join(fact["needs"]), fact["summary"]] for fact in found]
    printer.result({"criteria": found}, table(["criterion", "looks at", "what it says"], rows))


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, printer: Printer) -> None:
    """Explain one criterion: the formula in words, the paper, what it looks at."""
    from edgeprune.prune.criterion import find_criterion

    found = find_criterion(name)
    facts = _facts(found)
    show_entry(printer, found, facts, f"looks at: {', '.join(facts['needs'])}")


def _facts(found: Criterion | Procedure) -> dict[str, Any]:
    return {"name": found.name, "summary": found.summary, "needs": sorted(found.needs)}
