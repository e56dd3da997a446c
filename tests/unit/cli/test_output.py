"""Progress on terminals and in logs, JSON of what results are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from edgeprune.cli.output import printer
from edgeprune.cli.output.tables import table
from edgeprune.progress import Progress


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Layer:
    name: str
    size_bytes: int


def test_json_takes_what_results_are_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    printer.JsonPrinter(printer.Session()).result({"a": Path("/x"), "b": Colour.RED, "c": [Layer("conv", 3)]}, "text")
    assert json.loads(capsys.readouterr().out) == {"a": "/x", "b": "red", "c": [{"name": "conv", "size_bytes": 3}]}


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_json_refuses_what_it_cannot_say(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        printer.JsonPrinter(printer.Session()).result({"a": value})


def test_text_is_not_markup_and_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "[bold]" + "x" * 150
    printer.TextPrinter().result({}, table(["layer", "n"], [[cell, "1"], ["b", "22"]], ["n"]))
    rows = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.rstrip().endswith(("1", "22"))]
    assert len(rows) == 2
    assert cell in rows[0]
    assert len(rows[0]) == len(rows[1])


def use(progress: Progress) -> None:
    progress.note("thinning to 8 9 8")
    with progress.task("outer", 2) as outer:
        for _ in range(2):
            with progress.task("fine-tuning", 3) as task:
                for step in range(3):
                    task.advance(detail=f"loss {step}")
            outer.advance()


@pytest.mark.parametrize("kind", [printer.LiveProgress, printer.PlainProgress])
def test_progress_stays_off_stdout(kind: type[Progress], capsys: pytest.CaptureFixture[str]) -> None:
    use(kind())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "thinning to 8 9 8" in captured.err


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 10.0, 15.0, 20.0])
    monkeypatch.setattr("edgeprune.cli.output.printer.time.monotonic", lambda: next(clock))
    with printer.PlainProgress().task("fine-tuning", 8) as task:
        for _ in range(4):
            task.advance(detail="loss 0.5")
    assert capsys.readouterr().err.splitlines() == [
        "fine-tuning: 2/8, loss 0.5, 30 s left",
        "fine-tuning: 4/8, loss 0.5, 20 s left",
    ]


@pytest.mark.parametrize(("ci", "kind"), [("true", printer.PlainProgress), ("", printer.LiveProgress)])
def test_ci_means_no_bars(monkeypatch: pytest.MonkeyPatch, ci: str, kind: type[Progress]) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(printer.progress(), kind)
