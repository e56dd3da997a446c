"""`edgeprune report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from edgeprune.budget import Optimize
from edgeprune.cli.options.common import json_option, optimize_option, ram_first_option, require_target, target_option
from edgeprune.cli.output.printer import Printer
from edgeprune.errors import UsageError

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Target


@click.command("report")
@click.argument("runs", metavar="RUN...|FILE", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--compare", is_flag=True, help="Several runs side by side: accuracy against flash, RAM and time.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: report.html in the run's folder, else comparison.html or MODEL-TARGET.html here.",
)
@target_option
@optimize_option("balanced")
@ram_first_option
@json_option
def command(
    runs: tuple[Path, ...],
    compare: bool,
    out: Path | None,
    target: Target | None,
    optimize: str,
    ram_first: bool,
    printer: Printer,
) -> None:
    """Write a finished run, several side by side, or a .tflite on a target, as one HTML page.

    Limits, channels, accuracy and what was confused, the arena over time, flash by part, each layer's time and
    kernel, int8's noise, files and how to make them again; it needs nothing else, in light, dark and on paper.

    \b
    Examples:
      edgeprune report runs/latest
      edgeprune report --compare runs/*-cortex-m4
      edgeprune report model.tflite --target cortex-m4
    """
    from edgeprune.tasks.report.write import write_file, write_page, write_runs

    file = runs[0] if runs[0].suffix.lower() == ".tflite" else None
    if len(runs) > 1 and not compare:
        raise UsageError(f"{len(runs)} runs are named", hint="--compare shows them side by side; or name one")
    if file is None and (target is not None or ram_first):
        raise UsageError("a run has its target", hint="leave --target and --ram-first away: they are for a .tflite")
    if file is not None:
        if compare:
            raise UsageError(f"{file.name} is no run", hint="--compare is for runs; name the file alone")
        if not file.is_file():
            raise UsageError(f"{file} is not there", hint="give an int8 .tflite, or a run folder (runs/latest)")
        chosen = require_target(target)
        path = write_file(file, chosen, Optimize(optimize), ram_first, out or Path(f"{file.stem}-{chosen.name}.html"))
    elif compare:
        path = write_runs(runs, out or Path("comparison.html"))
    else:
        path = write_page(runs[0], out)
    printer.result({"report": str(path), "bytes": path.stat().st_size}, f"report: {path}")
