"""Networks side by side: the front by hand, and the page of runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeprune.fitting.record import save_record
from edgeprune.tasks.report.compare_page import Compared, comparison_page, front
from tests.unit.cli.conftest import Cli, cli  # noqa: F401
from tests.unit.tasks.report.browser import axe_source, chromium, console, evaluated
from tests.unit.tasks.report.records import HOSTILE, run_record
from tests.unit.tasks.report.test_in_browser import AXE, DRAWN
from tests.unit.tasks.report.test_page import ALLOWED, Read

SMALL, MIDDLE, LARGE = (
    Compared(name, name, score, 0.5, flash, 10_000, None, True)
    for name, score, flash in (("small", 80.0, 10_000), ("middle", 79.0, 20_000), ("large", 90.0, 30_000))
)


def test_what_another_beats_for_less_is_not_on_the_front() -> None:
    assert front([LARGE, MIDDLE, SMALL], lambda one: one.flash_bytes, True) == [SMALL, LARGE]
    assert front([LARGE, MIDDLE, SMALL], lambda one: one.flash_bytes, False) == [SMALL, MIDDLE]
    assert front([SMALL, replace(SMALL, flash_bytes=9_000)], lambda one: one.flash_bytes, True)[0].flash_bytes == 9_000


def hostile_page() -> str:
    networks = [replace(LARGE, name=name, group=name, score=90.0 + number) for number, name in enumerate(HOSTILE)]
    measured = [replace(network, latency_us=1_000.0 + network.score) for network in networks]
    return comparison_page(HOSTILE[0], HOSTILE[1], "accuracy", True, [*measured, replace(SMALL, fits=False)])


def test_names_are_text() -> None:
    read = Read(hostile_page())
    assert read.tags <= ALLOWED and HOSTILE[0] in " ".join(read.text)
    assert "1 network left out: nobody measured it." in " ".join(read.text)


def test_runs_side_by_side(tmp_path: Path, cli: Cli) -> None:  # noqa: F811
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, flash in zip(folders, (200_000, 100_000), strict=True):
        folder.mkdir()
        save_record(run_record(layers=3).model_copy(update={"flash_bytes": flash}), folder)
    out = tmp_path / "side.html"
    assert cli("report", "--compare", *map(str, folders), "--out", str(out), "--json").data["report"] == str(out)
    words = " ".join(Read(out.read_text()).text)
    assert "On the front, where nothing is better for as little: two." in words and "2 of 2 networks fit" in words
    assert cli("report", *map(str, folders)).exit_code == 2
    assert "needs two runs" in cli("report", "--compare", str(folders[0])).stderr


def test_errors_and_shares_are_not_compared(tmp_path: Path, cli: Cli) -> None:  # noqa: F811
    record = run_record(layers=3)
    other = record.accuracy.model_copy(update={"metric": "mse"})
    for name, accuracy in (("one", record.accuracy), ("two", other)):
        (tmp_path / name).mkdir()
        save_record(record.model_copy(update={"accuracy": accuracy}), tmp_path / name)
    refused = cli("report", "--compare", str(tmp_path / "one"), str(tmp_path / "two"))
    assert refused.exit_code == 2 and "accuracy, mse" in refused.stderr


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason="no chromium: pages are not opened (apt install chromium)")
@pytest.mark.parametrize("width", [375, 1440])
def test_it_is_drawn_and_axe_minds_nothing(tmp_path: Path, width: int) -> None:
    page = tmp_path / "comparison.html"
    page.write_text(hostile_page(), encoding="utf-8")
    assert console(page, width) == []
    charts = evaluated(page, DRAWN, width)
    assert [chart["section"] for chart in charts] == ["flash", "ram", "time"]
    assert all(chart["marks"] >= len(HOSTILE) and chart["right"] <= width for chart in charts)
    found = evaluated(page, AXE, width, library=axe_source(tmp_path))
    assert [one for one in found if one[0] in ("serious", "critical")] == []
