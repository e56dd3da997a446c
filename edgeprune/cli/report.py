"""`edgeprune report`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from edgeprune.cli.options.common import json_option
from edgeprune.cli.output.printer import Printer
from edgeprune.errors import UsageError


@click.command("report")
@click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--compare", is_flag=True, help="Several runs side by side: accuracy against flash, RAM and time.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: report.html in the run's folder, or comparison.html here.",
)
@json_option
def command(runs: tuple[Path, ...], compare: bool, out: Path | None, printer: Printer) -> None:
    """Write a finished run, or several side by side, as one HTML page that needs nothing else.

    Limits, channels, accuracy and what was confused, the arena over time, flash by part, each layer's time and
    kernel, int8's noise, files and how to make them again; without a network, in light, dark and on paper.

    \b
    Examples:
      edgeprune report runs/latest
      edgeprune report --compare runs/*-cortex-m4
    """
    from edgeprune.tasks.report.write import write_page, write_runs

    if len(runs) > 1 and not compare:
        raise UsageError(f"{len(runs)} runs are named", hint="--compare shows them side by side; or name one")
    path = write_runs(runs, out or Path("comparison.html")) if compare else write_page(runs[0], out)
    printer.result({"report": str(path), "bytes": path.stat().st_size}, f"report: {path}")
