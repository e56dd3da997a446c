"""Progress on terminals and in logs, JSON of what results are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest
from rich.console import Console

from edgeprune.cli.output import printer, under_way
from edgeprune.cli.output.tables import table
from edgeprune.progress import Gauge, Progress


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
    progress.gauges("before", [Gauge("flash", 1.5, "15 of 10 B"), Gauge("ram", 0.5, "5 of 10 B")])
    with progress.task("outer", 2) as outer:
        for _ in range(2):
            with progress.task("fine-tuning", 3) as task:
                for step in range(3):
                    task.advance(detail=f"loss {step}")
            outer.advance()


@pytest.mark.parametrize("kind", [under_way.LiveProgress, under_way.PlainProgress])
def test_progress_stays_off_stdout(kind: type[Progress], capsys: pytest.CaptureFixture[str]) -> None:
    use(kind())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "thinning to 8 9 8" in captured.err


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 10.0, 15.0, 20.0])
    monkeypatch.setattr("edgeprune.cli.output.under_way.time.monotonic", lambda: next(clock))
    with under_way.PlainProgress().task("fine-tuning", 8) as task:
        for _ in range(4):
            task.advance(detail="loss 0.5")
    assert capsys.readouterr().err.splitlines() == [
        "fine-tuning: 2/8, loss 0.5, 30 s left",
        "fine-tuning: 4/8, loss 0.5, 20 s left",
    ]


@pytest.mark.parametrize(("ci", "kind"), [("true", under_way.PlainProgress), ("", under_way.LiveProgress)])
def test_ci_means_no_bars(monkeypatch: pytest.MonkeyPatch, ci: str, kind: type[Progress]) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(under_way.progress(), kind)


def test_a_terminal_shows_limits_as_bars_and_the_loss_as_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    live = under_way.LiveProgress()
    live.gauges("round 1", [Gauge("flash", 1.5, "15 of 10 B"), Gauge("ram", 0.5, "5 of 10 B")])
    with live.task("training", 4) as task:
        for loss in (2.0, 1.0, 1.5, 0.5):
            task.advance(loss=loss, detail=f"loss {loss}")
        console = Console(width=120, color_system=None)
        with console.capture() as captured:
            console.print(live._view())
    flash, ram, training = captured.get().splitlines()
    assert "round 1 flash" in flash and "█" * 24 + ">" in flash and "150%" in flash and "15 of 10 B" in flash
    assert "█" * 12 + "░" * 12 in ram and "50%" in ram
    assert "█▃▆▁ loss 0.5" in training and "4/4" in training


def test_a_curve_has_a_part_of_all_losses_a_character_and_shows_what_is_not_finite() -> None:
    assert len(under_way.curve([float(i) for i in range(1000)])) == 24
    assert under_way.curve([1.0, float("nan"), 0.0]) == "█!▁"
    assert under_way.curve([1.0, 1.0]) == "▁▁"


def test_the_curve_of_a_long_training_is_of_all_its_losses_and_of_few_values() -> None:
    losses = under_way.Losses()
    for step in range(30_720):
        losses.add(float(step))
    assert len(losses.means) < 480
    each = 30_720 / len(losses.means)
    assert losses.means == [(each - 1) / 2 + each * number for number in range(len(losses.means))]
