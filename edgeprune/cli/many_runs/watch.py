"""`edgeprune watch`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import rich_click as click

from edgeprune.cli.options.common import json_option, runs_option
from edgeprune.cli.options.refit import new_files, tag_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.refit import decision_text, verdict
from edgeprune.cli.output.tables import ColumnsThatFit
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import EdgePruneError, UsageError


@click.command("watch")
@click.argument("run")
@new_files(exists=False)
@tag_option
@click.option(
    "--every", "every_s", type=click.FloatRange(0.1), default=10.0, show_default=True, metavar="SECONDS",
    help="How often the files are looked at.",
)  # fmt: skip
@click.option("--times", type=click.IntRange(1), metavar="N", help="End after N refits.  [default: at Ctrl-C]")
@runs_option
@json_option
def command(
    run: str,
    weights: Path | None,
    data: Path | None,
    tag: str | None,
    every_s: float,
    times: int | None,
    runs: Path,
    printer: Printer,
) -> None:
    """Refit a run each time its weights or data change.

    What is there when it is first called counts as seen, what is missing is waited for; changes made while it was not
    at work are seen when it is called again. A refit that ends in an error leaves the old run in place, and the files
    are watched further. With --tag and a RUN of that name, each refit is compared with the last one that was to ship.

    \b
    Example:
      edgeprune watch shipped --weights new.safetensors --tag shipped
    """
    from edgeprune.files.names import name_from
    from edgeprune.tasks.refit.again import request_again
    from edgeprune.tasks.refit.decide import refit
    from edgeprune.tasks.refit.watch import changes
    from edgeprune.tasks.runs.tags import check_tag, run_called, set_tag

    paths = [path.absolute() for path in (weights, data) if path is not None]
    if not paths:
        raise UsageError("nothing is watched", hint="--weights FILE, --data PATH, or both")
    run_called(runs, run)
    if tag is not None:
        check_tag(runs, tag)
    shown, results, text = progress(), list[dict[str, Any]](), list[ColumnsThatFit | str]()
    shown.note(f"watching {', '.join(map(str, paths))} every {every_s:g} s")
    seen = runs / f".watched-{name_from(Path(run).name)}.json"
    for _ in changes(paths, seen, every_s, times):
        typed = shlex.join(["edgeprune", "watch", run])
        try:
            made = refit(request_again(run_called(runs, run), weights, data, typed, tag), runs, shown)
            shown.note(f"{verdict(made.decision)}: {made.folder}")
            if made.decision.ship and tag is not None:
                set_tag(runs, tag, made.folder)
        except EdgePruneError as error:
            results.append({"ship": False, "error": error.message, "hint": error.hint})
            shown.note(f"do not ship: {error.message}")
            text.append(f"do not ship: {error.message}")
            continue
        results.append(made.decision.as_json)
        text += decision_text(made.decision)
    printer.result({"refits": results}, *text)
