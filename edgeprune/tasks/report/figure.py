"""What the page is made of: figures, each with charts, a table of the same values, and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart that is drawn once for wide pages and once for narrow ones.

    Attributes:
        words: for those who cannot see it.
        spec: width in pixels -> a Vega-Lite specification, or a Vega one (`$schema` says which).
    """

    words: str
    spec: Callable[[int], Spec]


@dataclass(frozen=True)
class DataTable:
    """rows: text; columns named in `numeric` are set to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """One heading of the page.

    Attributes:
        anchor: its id, for links.
        lead: what is to be seen, in a sentence or two; where the run lacks the data, what is missing and why.
        shows_table: the table is the figure; otherwise it is folded under the charts.
    """

    anchor: str
    title: str
    lead: Sequence[str]
    charts: Sequence[Chart] = ()
    table: DataTable | None = None
    shows_table: bool = False


def counted(count: int, noun: str) -> str:
    """'1 step', '2 steps'."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """Without characters that neither XML nor a reader has a form for."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
