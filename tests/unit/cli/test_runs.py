"""`edgeprune runs`: what is listed, filtered, tagged, compared and removed, and what never goes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from edgeprune.cli.many_runs.runs import _table
from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace
from edgeprune.tasks.runs.index import INDEX_NAME, runs_in
from edgeprune.tasks.runs.needed import remove_runs, sweep_removed
from edgeprune.tasks.runs.summary import RunSummary, summary_of
from edgeprune.tasks.runs.tags import run_called, set_tag
from tests.unit.cli.conftest import Cli
from tests.unit.tasks.runs_on_disk import begun, finished


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three finished runs and one that was cut off, and folders that are no runs."""
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs"
    finished(runs, "small", score=80.0, flash_bytes=20_000, created="2026-01-01T00:00:00+0000")
    finished(runs, "good", score=95.0, flash_bytes=60_000, created="2026-01-02T00:00:00+0000")
    finished(runs, "error", target="rp2040", score=0.25, counted_error=0.2, created="2026-01-03T00:00:00+0000")
    begun(runs, "cut-off")
    Workspace.begin_at(runs / "compare", {"criteria": ["l2"]}).close()
    (runs / "notes").mkdir()
    return tmp_path


def names(cli: Cli, *arguments: str) -> list[str]:
    return [run["name"] for run in cli("runs", "list", "--json", *arguments).data["runs"]]


@pytest.mark.parametrize(
    ("filters", "meant"),
    [
        ((), ["small", "good", "error", "cut-off"]),
        (("--target", "rp2040"), ["error"]),
        (("--flash", "30k"), ["small"]),
        (("--accuracy", "90"), ["good", "error"]),  # of an error, what is as low
        (("--accuracy", "0.2"), ["small", "good"]),
        (("--state", "unfinished"), ["cut-off"]),
        (("--fits",), ["small", "good", "error"]),
        (("--latency", "1ms"), []),
        (("--target", "cortex-m4", "--fits", "--sort", "flash"), ["good", "small"]),
        (("--last", "1"), ["cut-off"]),
        (("--name", "s"), ["small"]),
    ],
)
def test_filters_leave_what_is_meant(cli: Cli, filters: tuple[str, ...], meant: list[str]) -> None:
    assert names(cli, *filters) == meant


def test_the_index_follows_what_lies_there(cli: Cli, here: Path) -> None:
    runs = here / "runs"
    assert names(cli) == names(cli) and (runs / INDEX_NAME).is_file()
    finished(runs, "later", created="2026-02-01T00:00:00+0000")
    (runs / "small" / "run.json").unlink()
    assert names(cli, "--fits") == ["good", "error", "later"]
    for damage in ("{", '{"keys": 3, "runs": 4}', '{"keys": [], "runs": {}}', "[]"):
        (runs / INDEX_NAME).write_text(damage)
        assert names(cli, "--fits") == ["good", "error", "later"]
    outcome = cli("runs", "list", "--runs", "nowhere")
    assert outcome.exit_code == 2 and "nowhere is no folder" in outcome.stderr


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("created", "target", "accuracy", "flash_bytes", "total_us", "after", "fits", "drop_points")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(_FIELDS), json_values)
def test_a_record_of_anything_is_read_or_called_unreadable(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    folder = finished(tmp_path_factory.mktemp("runs"), "odd", **{key: value})
    summary = summary_of(folder)
    assert summary is not None and summary.state in ("finished", "unreadable")
    assert runs_in(folder.parent) == runs_in(folder.parent) == [summary]
    assert all(isinstance(one, str | int | float | bool | None) for one in summary)


def test_unreadable_runs_are_listed_as_such(cli: Cli, here: Path) -> None:
    (here / "runs" / "good" / "state.json").write_text("no JSON")
    (here / "runs" / "small" / "run.json").write_text("[1")
    assert set(names(cli, "--state", "unreadable")) == {"good", "small"}
    assert cli("runs", "list").exit_code == 0


def test_a_tag_names_a_run_everywhere_and_keeps_it(cli: Cli, here: Path) -> None:
    assert cli("runs", "tag", "shipped", "good").exit_code == 0
    assert (here / "runs" / "tags" / "shipped" / "run.json").samefile(here / "runs" / "good" / "run.json")
    assert cli("runs", "show", "shipped", "--json").data["tags"] == ["shipped"]
    assert names(cli, "--tag", "shipped") == ["good"]
    refused = cli("runs", "rm", "shipped", "small", "--json")
    assert refused.exit_code == 2 and refused.data["removed"] == ["small"] and "tagged shipped" in refused.stderr
    cli("runs", "gc", "--keep", "0", "--older-than", "0")
    assert names(cli) == ["good"] and (here / "runs" / "compare").is_dir()
    assert cli("runs", "tag", "shipped", "--delete").exit_code == 0
    assert cli("runs", "rm", "good").exit_code == 0 and names(cli) == []


def test_a_path_is_no_name_and_a_name_is_no_tag(here: Path) -> None:
    runs = here / "runs"
    set_tag(runs, "shipped", runs / "good")
    with pytest.raises(UsageError, match="no run is called"):
        run_called(runs, "../small")  # not runs/tags/../small
    with pytest.raises(UsageError, match="no run is called"):
        run_called(runs, "..")
    assert run_called(runs, "runs/tags/../small") == run_called(runs, "small") == runs / "small"
    assert run_called(runs, "latest") == runs / "cut-off" and run_called(runs, "shipped") == runs / "good"
    finished(runs, "shipped")  # a run that came later
    assert run_called(runs, "shipped") == runs / "shipped"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tag", "../up", "good"), "is no tag"),
        (("tag", "latest", "good"), "'latest' is the newest run"),
        (("tag", "small", "good"), "'small' is what runs/small is called"),
        (("tag", "x", "nobody"), "no run is called 'nobody'"),
        (("tag", "x", "--delete"), "no run is tagged 'x'"),
        (("tag", "x"), "set on a run, or deleted"),
        (("show", "compare"), "holds no run"),
        (("rm", "nobody"), "no run is called"),
    ],
)
def test_what_is_not_there_is_named(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    outcome = cli("runs", *arguments)
    assert outcome.exit_code == 2 and words in outcome.stderr and "hint:" in outcome.stderr


def test_what_a_process_works_on_stays(cli: Cli, here: Path) -> None:
    with Workspace.resume(here / "runs" / "cut-off"):
        outcome = cli("runs", "gc", "--older-than", "0", "--json")
    assert outcome.data["removed"] == [] and "in use by process" in outcome.data["stayed"]["cut-off"]
    assert cli("runs", "gc", "--older-than", "0", "--json").data["removed"] == ["cut-off"]
    assert not os.path.lexists(here / "runs" / "latest")  # it named what is gone


def test_what_cannot_be_read_stays_until_it_is_asked_for(cli: Cli, here: Path) -> None:
    (here / "runs" / "good" / "run.json").write_text("[1")
    assert cli("runs", "gc", "--older-than", "0", "--json").data["removed"] == ["cut-off"]
    assert cli("runs", "gc", "--older-than", "0", "--unreadable", "--json").data["removed"] == ["good"]


def test_a_tag_that_was_set_meanwhile_counts(here: Path) -> None:
    runs = here / "runs"
    set_tag(runs, "shipped", runs / "good")
    assert remove_runs(runs, ["good", "small"], {}) == (["small"], {"good": "it is tagged shipped"})
    assert (runs / "good" / "run.json").is_file()


def test_what_the_disk_refuses_stays_and_the_others_go(here: Path) -> None:
    lock = here / "runs" / "good" / ".lock"
    lock.unlink()
    lock.symlink_to("elsewhere")  # no lock is taken through a link
    removed, stayed = remove_runs(here / "runs", ["good", "small"], {})
    assert removed == ["small"] and stayed["good"].startswith("it cannot be removed: ")


def test_two_removals_at_once_do_not_stop_each_other(here: Path) -> None:
    runs = here / "runs"
    names = [finished(runs, f"many-{number}").name for number in range(60)]
    over = Event()

    def sweep() -> None:
        while not over.is_set():
            sweep_removed(runs)

    with ThreadPoolExecutor(1) as other:
        other.submit(sweep)
        try:
            assert remove_runs(runs, names, {}) == (names, {})
        finally:
            over.set()


def test_a_dry_run_takes_nothing_and_names_what_would_go(cli: Cli) -> None:
    outcome = cli("runs", "gc", "--keep", "1", "--older-than", "0", "--dry-run", "--json")
    assert outcome.data["would_remove"] == ["small", "cut-off"] and len(names(cli)) == 4
    assert cli("runs", "gc", "--dry-run", "--json").data["would_remove"] == []  # cut off a moment ago


def test_what_a_killed_removal_left_goes_with_the_next(cli: Cli, here: Path) -> None:
    (here / "runs" / "small").rename(here / "runs" / ".removed-01234567")
    assert names(cli, "--fits") == ["good", "error"]
    cli("runs", "rm", "good")
    assert not (here / "runs" / ".removed-01234567").exists()


def test_a_damaged_table_keeps_what_may_be_its_own_and_nothing_else(cli: Cli, here: Path) -> None:
    runs = here / "runs"
    begun(runs, "march-03")
    (runs / "sweeps" / "march").mkdir(parents=True)
    (runs / "sweeps" / "march" / "trials.sqlite").write_bytes(b"no database, but long enough to be one" * 40)
    assert cli("runs", "show", "good", "--json").data["needed"] is None
    assert "may need it" in cli("runs", "show", "march-03", "--json").data["needed"]
    would = cli("runs", "gc", "--older-than", "0", "--dry-run", "--json")
    assert would.data["would_remove"] == ["cut-off"]
    refused = cli("runs", "rm", "march-03", "small", "--json")
    assert refused.exit_code == 2 and refused.data["removed"] == ["small"]
    assert "without the folder runs/sweeps/march it is free" in refused.stderr


def test_diff_names_what_was_asked_and_what_came_of_it(cli: Cli, here: Path) -> None:
    begun(here / "runs", "other", criterion="taylor")
    rows = cli("runs", "diff", "cut-off", "other", "--json").data["differences"]
    assert [(row["key"], row["first"], row["second"]) for row in rows if row["of"] == "request"] == [
        ("options.criterion", "l2", "taylor")
    ]
    assert "are the same" in cli("runs", "diff", "cut-off", "cut-off").stdout


def test_a_long_table_is_written_by_lines() -> None:
    rows = [RunSummary(f"r{number}", "unfinished", "2026", None, number) for number in range(600)]
    console = Console(width=60)
    with console.capture() as written:
        console.print(_table(rows, {}))
    lines = written.get().splitlines()
    assert len(lines) == 601 and lines[1].split()[:2] == ["r0", "unfinished"]
