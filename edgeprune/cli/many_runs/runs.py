"""`edgeprune runs list|show|diff|tag|rm|gc`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from edgeprune.cli.options.common import DurationType, PointsType, SizeType, json_option, runs_option
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.errors import UsageError
from edgeprune.units import bytes_text, memory_text, microseconds_text, score_text

if TYPE_CHECKING:
    from edgeprune.tasks.runs.filters import RunFilter
    from edgeprune.tasks.runs.summary import RunSummary

_SORTS = ("created", "score", "flash", "ram", "latency", "disk")
_NUMERIC = ["score", "lost", "flash", "RAM", "time", "disk"]


@click.group("runs")
def command() -> None:
    """List, compare, tag and remove the runs of a folder; a tagged run stays.

    RUN is the name of a run, its tag, its folder, or `latest`.

    \b
    Examples:
      edgeprune runs list --target cortex-m4 --flash 96KiB --accuracy 90
      edgeprune runs tag shipped latest
      edgeprune runs gc --keep 20 --dry-run
    """


@command.command("list")
@runs_option
@click.option("--target", metavar="NAME", help="Of that target.")
@click.option("--model", metavar="NAME", help="Of that model.")
@click.option("--criterion", metavar="NAME", help="Thinned by that criterion.")
@click.option("--state", type=click.Choice(["finished", "unfinished", "unreadable"]), help="In that state.")
@click.option("--tag", metavar="NAME", help="The run with that tag.")
@click.option("--name", "prefix", metavar="PREFIX", help="Whose name begins so.")
@click.option("--fits/--misfits", default=None, help="Within its limits, or not.")
@click.option("--accuracy", type=float, metavar="SCORE", help="As int8 as good as this, in its metric.")
@click.option("--flash", "flash_bytes", type=SizeType(), help="That take at most so much flash.")
@click.option("--ram", "ram_bytes", type=SizeType(), help="That take at most so much RAM.")
@click.option("--latency", "latency_us", type=DurationType(), help="That take at most so long.")
@click.option("--drop", "drop_points", type=PointsType(), metavar="POINTS", help="That lost at most so much.")
@click.option("--sort", type=click.Choice(_SORTS), default="created", show_default=True, help="The best come last.")
@click.option(
    "--last", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="Show the last of them."
)
@click.option("--all", "is_whole", is_flag=True, help="Show all of them.")
@json_option
def list_runs(runs: Path, sort: str, last: int, is_whole: bool, printer: Printer, **conditions: Any) -> None:
    """List runs, oldest first: what was met, what it takes, how good it is."""
    from edgeprune.tasks.runs.filters import RunFilter
    from edgeprune.tasks.runs.index import runs_in
    from edgeprune.tasks.runs.tags import tags_by_run, tags_in

    everything = runs_in(runs)
    wanted: RunFilter = RunFilter(**conditions)
    meant = _sorted(wanted.of(everything, tags_in(runs)), sort)
    shown, tags = meant if is_whole else meant[-last:], tags_by_run(runs)
    disk_bytes = sum(run.disk_bytes for run in meant)
    data = {
        "runs": [run._asdict() | {"tags": tags.get(run.name, [])} for run in shown],
        "matching": len(meant),
        "total": len(everything),
        "disk_bytes": disk_bytes,
    }
    more = "" if len(shown) == len(meant) else f"; the last {len(shown):,} are shown (--all)"
    printer.result(
        data,
        *([_table(shown, tags)] if shown else []),
        f"{len(meant):,} of {len(everything):,} runs, {bytes_text(disk_bytes)} on disk{more}",
    )


def _sorted(runs: Sequence[RunSummary], by: str) -> list[RunSummary]:
    """The best last; those of which it is not known first."""
    keys = {"flash": "flash_bytes", "ram": "ram_bytes", "latency": "latency_us", "disk": "disk_bytes"}

    def worth(run: RunSummary) -> float:
        if by == "score":
            value, sign = run.score, -1 if run.lower_is_better else 1
        else:
            value, sign = getattr(run, keys[by]), -1
        return float("-inf") if value is None else sign * value

    return list(runs) if by == "created" else sorted(runs, key=worth)


def _table(runs: Sequence[RunSummary], tags: dict[str, list[str]]) -> ColumnsThatFit:
    rows = [
        [
            run.name,
            ", ".join(tags.get(run.name, [])),
            run.target or "",
            run.criterion or "",
            run.state if run.fits is None else "fits" if run.fits else "does not fit",
            "" if run.score is None else f"{run.metric} {score_text(run.score)}",
            "" if run.drop_points is None else f"{run.drop_points:.2f}",
            _size(run.flash_bytes),
            _size(run.ram_bytes),
            "" if run.latency_us is None else microseconds_text(run.latency_us),
            memory_text(run.disk_bytes // 1024 * 1024),
        ]
        for run in runs
    ]
    columns = ["run", "tags", "target", "criterion", "", *_NUMERIC]
    return table(columns, rows, _NUMERIC, spare=["disk", "criterion", "lost", "time", "target"])


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else bytes_text(size_bytes)


@command.command("show")
@click.argument("run")
@runs_option
@json_option
def show(run: str, runs: Path, printer: Printer) -> None:
    """Show what a run was asked for and what came of it."""
    from edgeprune.files.workspace import request_of
    from edgeprune.tasks.runs.differences import flat, summary_read
    from edgeprune.tasks.runs.index import runs_in
    from edgeprune.tasks.runs.needed import why_needed
    from edgeprune.tasks.runs.tags import run_called, tags_by_run

    folder = run_called(runs, run)
    summary, request = summary_read(folder), request_of(folder)
    stays = why_needed(folder.parent, runs_in(folder.parent)).get(folder.name)
    data = summary._asdict() | {
        "folder": folder,
        "tags": tags_by_run(folder.parent).get(folder.name, []),
        "needed": stays,
        "request": request,
    }
    rows = [[key, str(value)] for key, value in summary._asdict().items() if value is not None]
    printer.result(
        data,
        table(["result", ""], [*rows, ["folder", str(folder)]]),
        table(["request", ""], [[key, str(value)] for key, value in flat(request) if value is not None]),
        *([] if stays is None else [f"{folder.name} stays: {stays}"]),
    )


@command.command("diff")
@click.argument("first")
@click.argument("second")
@runs_option
@json_option
def diff(first: str, second: str, runs: Path, printer: Printer) -> None:
    """Show where two runs differ: what was asked, what came of it, and the channels they kept."""
    from edgeprune.tasks.runs.differences import differences
    from edgeprune.tasks.runs.tags import run_called

    folders = [run_called(runs, name) for name in (first, second)]
    found = differences(*folders)
    rows = [[one.of, one.key, _plain(one.first), _plain(one.second)] for one in found]
    data = {"first": folders[0], "second": folders[1], "differences": [asdict(one) for one in found]}
    names = [folder.name for folder in folders]
    printer.result(data, table(["", "", *names], rows) if rows else f"{' and '.join(names)} are the same")


def _plain(value: Any) -> str:
    return (
        "" if value is None else f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    )


@command.command("tag")
@click.argument("tag")
@click.argument("run", required=False)
@click.option("--delete", is_flag=True, help="Take the tag away; the run stays.")
@runs_option
@json_option
def tag_run(tag: str, run: str | None, delete: bool, runs: Path, printer: Printer) -> None:
    """Give a run a name of its own, under which every command takes it: runs/tags/TAG. It is not removed then."""
    from edgeprune.tasks.runs.tags import FOLDER, remove_tag, run_called, set_tag

    if delete == (run is not None):
        raise UsageError("a tag is set on a run, or deleted", hint="runs tag TAG RUN, or runs tag TAG --delete")
    if run is None:
        name = remove_tag(runs, tag)
        printer.result({"tag": tag, "run": None, "was": name}, f"{name} is no longer tagged {tag}")
        return
    folder = run_called(runs, run)
    if folder.parent != runs.resolve():
        raise UsageError(f"{folder} does not lie in {runs}", hint="--runs names the folder that it lies in")
    set_tag(runs, tag, folder)
    printer.result({"tag": tag, "run": folder.name}, f"{runs / FOLDER / tag} is {folder.name}")


@command.command("rm")
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@runs_option
@json_option
def rm(names: tuple[str, ...], runs: Path, printer: Printer) -> None:
    """Remove runs. What a tag or a sweep needs, or a process works on, stays: exit code 2, and the others go."""
    from edgeprune.tasks.runs.tags import run_called

    folders = [run_called(runs, name) for name in names]
    elsewhere = [folder for folder in folders if folder.parent != runs.resolve()]
    if elsewhere:
        raise UsageError(f"{elsewhere[0]} does not lie in {runs}", hint="--runs names the folder that it lies in")
    stayed = _removed(runs, list(dict.fromkeys(folder.name for folder in folders)), printer)
    if stayed:
        reasons = "; ".join(f"{name}: {why}" for name, why in stayed.items())
        raise UsageError(
            f"not removed: {reasons}", hint="`edgeprune runs tag TAG --delete` lets a tagged run be removed"
        )


@command.command("gc")
@click.option(
    "--keep", type=click.IntRange(0), metavar="N", help="Finished runs beyond the N newest of a target go, too."
)
@click.option(
    "--older-than", type=click.FloatRange(0), default=1.0, show_default=True, metavar="DAYS", help="Younger runs stay."
)
@click.option("--unreadable", is_flag=True, help="Runs that cannot be read go, too.")
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@runs_option
@json_option
def gc(keep: int | None, older_than: float, unreadable: bool, dry_run: bool, runs: Path, printer: Printer) -> None:
    """Remove runs that never finished; never what a tag or a sweep needs, or that is at work."""
    from datetime import UTC, datetime, timedelta

    from edgeprune.tasks.runs.index import runs_in
    from edgeprune.tasks.runs.needed import garbage, why_needed
    from edgeprune.tasks.runs.summary import UNFINISHED, UNREADABLE

    everything, states = runs_in(runs), {UNFINISHED, *([UNREADABLE] if unreadable else [])}
    needed = why_needed(runs, everything)
    most = len(everything) if keep is None else keep
    found = garbage(everything, states, most, timedelta(days=older_than), datetime.now(UTC))
    going = [run for run in found if run.name not in needed]
    if dry_run:
        size_bytes = sum(run.disk_bytes for run in going)
        data = {"would_remove": [run.name for run in going], "freed_bytes": size_bytes}
        would = f"{len(going):,} of {len(everything):,} runs would go: {bytes_text(size_bytes)}"
        printer.result(data, *([_table(going, {})] if going else []), would)
        return
    _removed(runs, [run.name for run in going], printer)


def _removed(runs: Path, names: list[str], printer: Printer) -> dict[str, str]:
    """Removes them, and prints what became of each; those that stayed -> why."""
    from edgeprune.tasks.runs.index import runs_in
    from edgeprune.tasks.runs.needed import remove_runs, why_needed

    everything = runs_in(runs)
    sizes = {run.name: run.disk_bytes for run in everything}
    removed, stayed = remove_runs(runs, names, why_needed(runs, everything))
    freed_bytes = sum(sizes.get(name, 0) for name in removed)
    printer.result(
        {"removed": removed, "freed_bytes": freed_bytes, "stayed": stayed},
        f"removed {len(removed):,} runs, {bytes_text(freed_bytes)}",
        *(f"{name} stays: {why}" for name, why in stayed.items()),
    )
    return stayed
