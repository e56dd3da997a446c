"""Figures put into the page: one HTML text that asks for nothing, runs nothing, and takes names as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from edgeprune.tasks.report.draw import drawn
from edgeprune.tasks.report.figure import Chart, DataTable, Figure

_HERE = Path(__file__).parent
_WIDE_PX, _NARROW_PX = 820, 330


@dataclass(frozen=True)
class Verdict:
    """What stands at the top.

    good: whether everything holds; None where something could not be judged.
    """

    title: str
    subtitle: str
    words: str
    good: bool | None
    notes: Sequence[str] = ()


def page(verdict: Verdict, figures: Sequence[Figure]) -> str:
    """The HTML document."""

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    charts = {
        figure.anchor: [
            {
                "words": chart.words,
                "wide": _svg(chart, _WIDE_PX),
                "narrow": _svg(chart, _NARROW_PX),
            }
            for chart in figure.charts
        ]
        for figure in figures
    }
    style = Markup((_HERE / "page.css").read_text(encoding="utf-8"))
    template = environment.get_template("page.html.j2")
    values: dict[str, Any] = {"verdict": verdict, "figures": figures, "charts": charts, "style": style, "cells": _cells}
    return template.render(values)


def _svg(chart: Chart, width: int) -> Markup:
    return Markup(drawn(chart.spec(width), width))


def _cells(table: DataTable, row: Sequence[str]) -> list[tuple[str, bool]]:
    """(text, whether it is a number) of a row."""
    return [(text, column in table.numeric) for column, text in zip(table.columns, row, strict=True)]
