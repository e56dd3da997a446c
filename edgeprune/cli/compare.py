"""`edgeprune compare`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import device_option, json_option, scales_of, words_of
from edgeprune.cli.options.limits import limit_options, limits_given, project_path
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.files.atomic import write_text
from edgeprune.units import bytes_text, count_text, mean_and_spread

if TYPE_CHECKING:
    from edgeprune.tasks.compare import Result, Verdict


@click.command("compare")
@limit_options
@click.option("--criteria", default="l2,taylor,obs", show_default=True, help="Names, with commas between.")
@click.option("--schedules", default="one-shot", show_default=True, help="Names, with commas between; below.")
@click.option("--scales", default="1", show_default=True, help="The limits times each of these: 1,0.75,0.5.")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    metavar="N",
    default=2,
    show_default=True,
    help="Trainings of each, to see noise.",
)
@click.option("--epochs", type=click.IntRange(0), metavar="N", help="Training epochs of each.")
@device_option
@click.option("--rewind", type=click.Path(exists=True), help="Weights early in training, for the schedule rewind.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/compare"), show_default=True,
    help="Folder of the comparison; an interrupted one is resumed.",
)  # fmt: skip
@json_option
def command(
    criteria: str,
    schedules: str,
    scales: str,
    seeds: int,
    epochs: int | None,
    device: str | None,
    rewind: str | None,
    out: Path,
    printer: Printer,
    **given: Any,
) -> None:
    """Compare ways to prune at the same limits: which is best here, by how much, within what noise.

    Criteria are those of `edgeprune criteria list`. Schedules, all at the same widths and epochs:

    \b
      one-shot   all channels at once, then all of the training
      iterative  three steps, trained after each; a bad one is undone
      masked     filters zeroed, chosen anew each epoch, removed at the end
      window     three layers at a time learn to reproduce their outputs
      rewind     weights reset to those early in training (--rewind)
      scratch    the same widths with random weights

    \b
    Example:
      edgeprune compare --criteria l2,taylor --scales 1,0.5 --seeds 3
    """
    from edgeprune.tasks.compare import Question, compare, verdicts
    from edgeprune.tasks.fit import options_of
    from edgeprune.tasks.report.write import write_comparison
    from edgeprune.train.objective import make_objective

    project, target, limits, optimize = limits_given(given)
    options = options_of(project, epochs=epochs, optimize=optimize, device=device)
    question = Question(
        project_path(given), target, limits, words_of(criteria), words_of(schedules),
        scales_of(scales), seeds, options.epochs, None if rewind is None else str(Path(rewind).resolve()),
    )  # fmt: skip
    results = compare(question, project, out, options, progress())
    metric = make_objective(project).metric
    clear_leads = verdicts(results, metric.higher_is_better)
    data = {
        "metric": metric.name,
        "results": [asdict(result) for result in results],
        "verdicts": [asdict(verdict) for verdict in clear_leads],
    }
    write_text(out / "comparison.json", json.dumps(data, indent=1) + "\n")
    page = write_comparison(results, metric.name, metric.higher_is_better, out / "comparison.html")
    printer.result(data, *_tables(results, clear_leads, metric.name), f"page: {page}")


def _tables(results: list[Result], clear_leads: list[Verdict], metric: str) -> list[Any]:
    numeric = ["flash", "RAM", "instructions", "validation", "int8", "test", "int8 test"]
    columns = ["limits", "criterion", "schedule", *numeric[:3], "fits", *numeric[3:]]
    rows = [
        [
            f"x {result.scale:g}", result.criterion, result.schedule, bytes_text(result.flash_bytes),
            bytes_text(result.ram_bytes), count_text(result.instructions), "yes" if result.fits else "no",
            *map(mean_and_spread, (result.validation, result.int8_validation, result.test, result.int8_test)),
        ]
        for result in results
    ]  # fmt: skip
    title = f"{metric}; flash and RAM of the linked images, instructions as the emulator counts them"
    return [table(columns, rows, numeric, title=title), *map(_sentence, clear_leads)]


def _sentence(verdict: Verdict) -> str:
    if verdict.second is None:
        return f"x {verdict.scale:g}: {verdict.best} had no rival"
    noise = "noise unknown with one seed" if verdict.noise is None else f"one seed varies by {verdict.noise:.2f}"
    clear = "clear of the noise" if verdict.is_clear else "not clear of the noise"
    return (
        f"x {verdict.scale:g}: {verdict.best} leads {verdict.second} by {verdict.lead:.2f} as int8 on validation; "
        f"{noise}: {clear}"
    )
