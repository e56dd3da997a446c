"""`edgeprune refit`."""

from __future__ import annotations

import shlex
from pathlib import Path

import rich_click as click

from edgeprune.cli.options.common import json_option, runs_option
from edgeprune.cli.options.refit import new_files, tag_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.refit import decision_text
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import DoesNotFit, UsageError


@click.command("refit")
@click.argument("run", required=False)
@new_files(exists=True)
@tag_option
@click.option(
    "--resume", is_flag=False, flag_value="latest", metavar="[RUN]", help="Go on with a refit that was cut off."
)
@runs_option
@json_option
def command(
    run: str | None,
    weights: Path | None,
    data: Path | None,
    tag: str | None,
    resume: str | None,
    runs: Path,
    printer: Printer,
) -> None:
    """Fit a run again on new weights or data, compare the two, and say ship or do not ship.

    Target, limits, criterion, schedule and widths are the old run's; widths are searched anew where they no longer
    hold. Both networks are scored on the same test samples, and both run on the device, emulated by default. [ship] in
    edgeprune.toml has the rules. Exit code 3: do not ship. RUN is the name, tag or folder of a run.

    \b
    Examples:
      edgeprune refit shipped --weights new.safetensors --tag shipped
      edgeprune refit runs/latest --data march.npz
      edgeprune refit --resume
    """
    from edgeprune.tasks.refit.again import request_again
    from edgeprune.tasks.refit.decide import refit, resume_refit
    from edgeprune.tasks.runs.tags import check_tag, run_called, set_tag

    if (run is None) == (resume is None):
        raise UsageError("a run is refitted, or a refit resumed", hint="edgeprune refit RUN --weights FILE")
    if resume is not None and (weights is not None or data is not None):
        raise UsageError("a resumed refit keeps its weights and data", hint="leave out --weights and --data")
    if run is not None and weights is None and data is None:
        raise UsageError("nothing is new", hint="--weights FILE, --data PATH, or both")
    if tag is not None:
        check_tag(runs, tag)
    if resume is not None:
        made = resume_refit(run_called(runs, resume), progress())
    else:
        typed = {"--weights": weights, "--data": data, "--tag": tag}
        words = [str(word) for option, value in typed.items() if value is not None for word in (option, value)]
        request = request_again(
            run_called(runs, str(run)), weights, data, shlex.join(["edgeprune", "refit", str(run), *words]), tag
        )
        made = refit(request, runs, progress())
    decision, name = made.decision, tag or made.tag
    printer.result(decision.as_json, *decision_text(decision))
    if decision.ship and name is not None:
        set_tag(made.folder.parent, name, made.folder)
    if not decision.ship:
        raise DoesNotFit(
            f"do not ship: {'; '.join(decision.broken)}",
            hint="better weights or data; or another rule in [ship] of edgeprune.toml",
        )
