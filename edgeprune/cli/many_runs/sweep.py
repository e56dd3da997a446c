"""`edgeprune sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.core import ParameterSource

from edgeprune.cli.options.common import json_option, runs_option, scales_of, words_of
from edgeprune.cli.options.limits import limit_options, limits_given, project_path
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.cli.output.under_way import progress
from edgeprune.errors import EdgePruneError, UsageError
from edgeprune.units import bytes_text, mean_and_spread, microseconds_text

if TYPE_CHECKING:
    from edgeprune.budget import Limits
    from edgeprune.tasks.sweep.definition import Trial
    from edgeprune.tasks.sweep.run import Swept
    from edgeprune.tasks.sweep.table import Row

_LISTS = ("criteria", "granularities", "schedules", "targets")


@click.command("sweep")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False, metavar="[TOML]")
@limit_options
@click.option("--criteria", metavar="NAMES", help="With commas between: `criteria list`.")
@click.option("--granularities", metavar="NAMES", help="Likewise: `granularities list`.")
@click.option("--schedules", metavar="NAMES", help="Likewise: `schedules list`, and steps: as a fit without one.")
@click.option("--targets", metavar="NAMES", help="Likewise, in place of --target.")
@click.option("--scales", metavar="NUMBERS", help="The limits times each of these: 1,0.75,0.5.")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    metavar="N",
    help="Trainings of each, from the project's seed on.  [default: 1]",
)
@click.option("--epochs", type=click.IntRange(0), metavar="N", help="Training epochs of each trial.")
@click.option("--samples", type=click.IntRange(1), metavar="N", help="Test samples replayed on each board (100).")
@click.option("--name", metavar="NAME", help="Of the sweep; its runs begin with it.  [default: sweep]")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes.  [default: one for each core]")
@click.option("--resume", is_flag=False, flag_value="sweep", metavar="[NAME]", help="Go on with a sweep.")
@runs_option
@json_option
def command(
    file: Path | None,
    name: str | None,
    workers: int | None,
    resume: str | None,
    runs: Path,
    printer: Printer,
    **given: Any,
) -> None:
    """Try every combination of criteria, schedules, limits, targets and seeds, side by side.

    From a TOML file, or from flags. Each trial is a fit with a run folder of its own; the table of trials survives a
    crash, and --resume repeats nothing that is done. Exit code 1: trials failed.

    \b
    Examples:
      edgeprune sweep sweep.toml --workers 2
      edgeprune sweep --criteria l2,taylor --flash 64KiB --scales 1,0.5 --seeds 3
      edgeprune sweep --resume
    """
    from edgeprune.files.own_process import usable_cores
    from edgeprune.tasks.sweep.run import begin_sweep, resume_sweep

    count = workers or usable_cores()
    if resume is not None:
        others = [
            *_typed(given),
            *(["the file"] if file is not None else []),
            *(["--name"] if name is not None else []),
        ]
        if others:
            raise UsageError("a resumed sweep keeps its trials", hint=f"leave away {', '.join(others)}, or --resume")
        swept = resume_sweep(runs, resume, count, progress())
    else:
        called, trials = _from_flags(name, given) if file is None else _from_file(file, name, given)
        swept = begin_sweep(runs, called, trials, count, progress())
    printer.result(_data(swept), *_text(swept))
    failed = [row for row in swept.rows if row.state == "failed"]
    if failed:
        raise EdgePruneError(
            f"{len(failed)} of {len(swept.rows)} trials failed, the first: {failed[0].run}: {failed[0].error}",
            hint="`edgeprune sweep --resume` tries them again",
        )


def _typed(given: dict[str, Any]) -> list[str]:
    """Options given on the command line, as they are spelled; EDGEPRUNE_TARGET is none."""
    context = click.get_current_context()
    assert context is not None
    source = ParameterSource.COMMANDLINE
    return [f"--{key.replace('_', '-')}" for key in given if context.get_parameter_source(key) == source]


def _from_file(file: Path, name: str | None, given: dict[str, Any]) -> tuple[str, list[Trial]]:
    from edgeprune.files.schema import load_toml
    from edgeprune.tasks.sweep.definition import SweepTable, trials_of

    flags = _typed(given)
    if flags:
        raise UsageError(f"{file.name} says what is tried", hint=f"leave away {', '.join(flags)}, or the file")
    sweep = load_toml(file, SweepTable)
    sweep = sweep if name is None else _named(sweep.model_dump(), name)
    return sweep.name, trials_of(sweep, file.resolve().parent)


def _from_flags(name: str | None, given: dict[str, Any]) -> tuple[str, list[Trial]]:
    from edgeprune.tasks.sweep.definition import trials_of

    if given["targets"] is not None and "--target" in _typed(given):
        raise UsageError("--target and --targets both name what is fitted", hint="leave one of the two away")
    lists = {key: words_of(given[key]) for key in _LISTS if given[key] is not None}
    first = {"target": lists["targets"][0]} if lists.get("targets") and given["target"] is None else {}
    project, target, limits, optimize = limits_given(given | first)
    if optimize is not None:
        raise UsageError("--optimize is not swept", hint="leave it away")
    path = project_path(given)
    tables = {"targets": (target,), "epochs": given["epochs"], "samples": given["samples"]} | lists
    first_seed = project.training.seed
    seeds = None if given["seeds"] is None else tuple(range(first_seed, first_seed + given["seeds"]))
    tables |= {"seeds": seeds, "project": None if path is None else Path(path)}
    scales = (1.0,) if given["scales"] is None else scales_of(given["scales"])
    sweep = _named(tables, name or "sweep")
    return sweep.name, trials_of(sweep, Path.cwd(), tuple(_scaled(limits, scale) for scale in scales))


def _named(tables: dict[str, Any], name: str) -> Any:
    from edgeprune.files.schema import validated
    from edgeprune.tasks.sweep.definition import SweepTable

    return validated(
        {key: value for key, value in (tables | {"name": name}).items() if value is not None},
        SweepTable,
        Path("the sweep"),
    )


def _scaled(limits: Limits, scale: float) -> Limits:
    """Raises UsageError where there is nothing to scale."""
    flash_bytes, ram_bytes, latency_us = limits.flash_bytes, limits.ram_bytes, limits.latency_us
    if scale != 1.0 and flash_bytes is None and ram_bytes is None and latency_us is None:
        raise UsageError("--scales scales no limit", hint="give --flash, --ram or --latency")
    return replace(
        limits,
        flash_bytes=None if flash_bytes is None else round(flash_bytes * scale),
        ram_bytes=None if ram_bytes is None else round(ram_bytes * scale),
        latency_us=None if latency_us is None else latency_us * scale,
    )


def _data(swept: Swept) -> dict[str, Any]:
    trials = [{"number": row.number, "run": row.run, **_choices(row)} | _outcome(row) for row in swept.rows]
    return {"trials": trials, "wall_s": round(swept.wall_s, 3), "trials_s": round(swept.trials_s, 3)}


def _outcome(row: Row) -> dict[str, Any]:
    kept = {key: value for key, value in asdict(row).items() if key in ("state", "attempts", "seconds", "error")}
    return kept | (row.result or {})


def _choices(row: Row) -> dict[str, Any]:
    """What a trial tries."""
    request = row.request
    return {
        "target": Path(request["target"]).stem,
        "limits": {key: value for key, value in request["limits"].items() if value},
        "criterion": request["options"]["criterion"],
        "granularity": request["granularity"],
        "schedule": request["options"]["schedule"] or "steps",
        "seed": request["seed"],
    }


def _text(swept: Swept) -> list[ColumnsThatFit | str]:
    """A line a combination, its seeds together."""
    groups: dict[str, list[Row]] = {}
    for row in swept.rows:
        choices = _choices(row) | {"seed": None}
        groups.setdefault(repr(choices), []).append(row)
    numeric = ["trials", "int8", "flash", "RAM", "time"]
    columns = ["target", "limits", "criterion", "granularity", "schedule", "", *numeric]
    rows = [_line(group) for group in groups.values()]
    overhead = ""
    if swept.trials_s:
        overhead = f": {swept.trials_s:.1f} s of trials in {swept.wall_s:.1f} s"
    return [
        table(columns, rows, numeric, spare=["granularity", "limits", "time"]),
        f"{len(swept.rows)} trials{overhead}",
        *(f"{row.run}: {row.state}: {row.error}" for row in swept.rows if row.error is not None),
    ]


def _line(group: Sequence[Row]) -> list[str]:
    choices, results = _choices(group[0]), [row.result for row in group if row.result is not None]
    states = dict.fromkeys(
        "fits" if row.result and row.result["fits"] else "misfit" if row.result else row.state for row in group
    )
    limits = ", ".join(f"{key.partition('_')[0]} {value:,.10g}" for key, value in choices["limits"].items())
    named = [choices["target"], limits, choices["criterion"], choices["granularity"], choices["schedule"]]
    if not results:
        return [*named, ", ".join(states), str(len(group)), "", "", "", ""]
    times = [result["latency_us"] for result in results if result["latency_us"] is not None]
    return [
        *named,
        ", ".join(states),
        str(len(group)),
        mean_and_spread([result["score"] for result in results]),
        bytes_text(max(result["flash_bytes"] for result in results)),
        bytes_text(max(result["ram_bytes"] for result in results)),
        microseconds_text(max(times)) if times else "",
    ]
