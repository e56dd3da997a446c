"""The page as a browser has it: no word on its console, every chart drawn, nothing cut off, nothing axe-core minds."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.fitting.record import RunRecord
from edgeprune.tasks.report.run_page import run_page
from tests.unit.tasks.report.browser import axe_source, chromium, console, evaluated
from tests.unit.tasks.report.records import old_record, run_record, value_record

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium: pages are not opened (apt install chromium)")

DRAWN = """
[...document.querySelectorAll('.chart')].map(chart => {
  const shown = [...chart.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
  const box = shown[0].getBoundingClientRect();
  const marks = [...shown[0].querySelectorAll('path, rect')].filter(mark => mark.querySelector('title'));
  const area = mark => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height;
  const visible = marks.filter(mark => area(mark) > 0);
  const colours = mark => [getComputedStyle(mark).fill, getComputedStyle(mark).stroke];
  const unfilled = marks.filter(mark => colours(mark).every(colour => colour === 'none'));
  return {shown: shown.length, width: box.width, height: box.height, right: box.right, marks: visible.length,
          unfilled: unfilled.length, section: chart.closest('section').id};
})
"""
FOCUSED = """
[...document.querySelectorAll('a, summary, .scroll')].map(one => {
  one.focus();
  return document.activeElement === one || (one.tagName !== 'SUMMARY' && one.closest('details:not([open])') !== null);
})
"""
AXE = """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}).then(found =>
  found.violations.map(one => [one.impact, one.id, one.nodes.slice(0, 3).map(node => node.html)]))"""


def written(record: RunRecord, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(run_page(record, folder), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [375, 1440])
def test_every_chart_is_drawn_and_the_console_is_silent(tmp_path: Path, width: int) -> None:
    page = written(run_record(), tmp_path)
    dark = width == 375
    assert console(page, width, dark) == []
    charts = evaluated(page, DRAWN, width, dark)
    assert len(charts) == 12
    for chart in charts:
        assert chart["shown"] == 1 and chart["height"] > 40 and chart["unfilled"] == 0, chart
        assert chart["marks"] > 0 and chart["right"] <= width, chart
    assert evaluated(page, "document.documentElement.scrollWidth", width, dark) <= width


@pytest.mark.slow
def test_light_and_dark_have_colours_of_their_own(tmp_path: Path) -> None:
    page = written(run_record(), tmp_path)
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    light, dark = (evaluated(page, colours, 1440, dark) for dark in (False, True))
    assert light == ["rgb(255, 255, 255)", "rgb(27, 36, 48)"] and dark == ["rgb(16, 21, 27)", "rgb(231, 235, 241)"]


@pytest.mark.slow
def test_tables_links_and_folds_are_reached_by_the_keyboard(tmp_path: Path) -> None:
    page = written(run_record(), tmp_path)
    reached = evaluated(page, FOCUSED)
    assert len(reached) > 20 and all(reached)


@pytest.mark.slow
@pytest.mark.parametrize("record", [run_record, old_record, value_record], ids=["whole", "old", "values"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_fault(tmp_path: Path, record: object, dark: bool) -> None:
    library = axe_source(tmp_path)
    assert callable(record)
    page = written(record(), tmp_path)
    for width in (375, 1440):
        found = evaluated(page, AXE, width, dark, library)
        assert isinstance(found, list), found
        assert [one for one in found if one[0] in ("serious", "critical")] == []


@pytest.mark.slow
def test_two_hundred_layers_stay_small(tmp_path: Path) -> None:
    """How long a page takes to open is mostly its elements: no more than a browser lays out at once."""
    page = written(run_record(layers=200, classes=30), tmp_path)
    assert page.stat().st_size < 3_000_000
    assert len(evaluated(page, DRAWN)) == 12
    assert evaluated(page, "document.querySelectorAll('*').length") < 40_000  # 29,296 today, open in 0.45 s
