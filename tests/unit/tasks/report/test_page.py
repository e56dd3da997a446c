"""The page's text: everything a record holds, names as text, and in words what a record lacks."""

from __future__ import annotations

import hashlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.fitting.record import save_record
from edgeprune.tasks.report.answers import interval_words, wilson_interval
from edgeprune.tasks.report.figure import printable
from edgeprune.tasks.report.run_page import run_page
from edgeprune.tasks.report.write import write_page
from tests.unit.cli.conftest import Cli, cli  # noqa: F401
from tests.unit.tasks.report.records import HOSTILE, old_record, run_record, value_record

ALLOWED = {
    "html", "head", "meta", "title", "link", "style", "body", "a", "header", "p", "h1", "h2", "span", "ul", "li", "nav",
    "main", "section", "div", "details", "summary", "table", "thead", "tbody", "tr", "th", "td",
    "svg", "g", "path", "line", "text", "rect", "defs", "clippath", "circle",
}  # fmt: skip


class Read(HTMLParser):
    """The tags, ids and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_page(run_record(), tmp_path_factory.mktemp("run"))


def test_names_are_text_and_never_markup(page: str) -> None:
    read = Read(page)
    assert read.tags <= ALLOWED
    assert not any(name.startswith("on") for name in read.attributes)
    words = " ".join(read.text)
    for name in HOSTILE[:9]:
        assert printable(name) in words
    assert "49" not in words.split()  # no template evaluated a name


def test_nothing_is_asked_of_a_network(page: str) -> None:
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/", "")


def test_every_figure_has_its_words_charts_and_table(page: str) -> None:
    read = Read(page)
    expected = {
        "limits", "channels", "accuracy", "answers", "steps", "curves", "arena", "flash", "time", "kernels", "sqnr",
        "files", "again",
    }  # fmt: skip
    assert expected <= set(read.ids) and len(read.ids) == len(set(read.ids))
    charts = {"limits": 1, "channels": 1, "accuracy": 1, "answers": 2, "steps": 1, "curves": 2, "arena": 1, "flash": 1}
    for anchor, count in (charts | {"time": 1, "sqnr": 1}).items():
        section = page.partition(f'<section id="{anchor}"')[2].partition("</section>")[0]
        assert section.count('class="chart"') == count and section.count("<svg") == 2 * count, anchor
        assert section.count("<table") == 1, anchor
    words = " ".join(read.text)
    assert "undone: lost 8.00 points, 5 are allowed" in words
    assert "Training on the int8 grid, 3 epochs: 90.00 before, 92.00 after; kept" in words
    assert "93.00" in words and "torch" in words and "2.13.0" in words


def test_what_an_old_run_lacks_is_said(tmp_path: Path) -> None:
    words = " ".join(Read(run_page(old_record(), tmp_path)).text)
    for missing in (
        "kept no plan of its arena", "kept no kernels", "kept no curves", "kept neither confusions nor errors",
        "kept no sizes of single layers", "not recorded",
    ):  # fmt: skip
        assert missing in words


def test_values_have_errors_instead_of_classes(tmp_path: Path) -> None:
    words = " ".join(Read(run_page(value_record(), tmp_path)).text)
    assert "How far outputs are from their targets" in words and "This target has no arena." in words
    assert "Nothing was thinned" in words and "nothing is measured here" in words and "95 % interval" not in words


def test_files_have_their_hash_as_they_lie_there(tmp_path: Path, cli: Cli) -> None:  # noqa: F811
    save_record(run_record(), tmp_path)
    (tmp_path / "model.tflite").write_bytes(b"network")
    page = cli("report", str(tmp_path), "--json").data
    assert page == {"report": str(tmp_path / "report.html"), "bytes": (tmp_path / "report.html").stat().st_size}
    assert hashlib.sha256(b"network").hexdigest() in (tmp_path / "report.html").read_text()
    (tmp_path / "model.tflite").unlink()
    other = write_page(tmp_path, tmp_path / "other.html")
    assert "not there any more" in other.read_text()


def test_without_a_finished_run_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished run"):
        write_page(tmp_path)


def test_an_interval_is_wilsons() -> None:
    assert interval_words(run_record()) == ", 95 % sure of 69.9 to 97.2" and interval_words(value_record()) == ""
    low, high = wilson_interval(90.0, 20)  # by hand: (0.9 + 0.09604 / 1) / 1.19208 +- 0.1289
    assert low == pytest.approx(69.90, abs=0.05) and high == pytest.approx(97.21, abs=0.05)
    assert wilson_interval(100.0, 100)[1] == pytest.approx(100) and wilson_interval(0.0, 100)[0] == pytest.approx(0)
