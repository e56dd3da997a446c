"""How a catalogue and an entry of it are shown to people and to scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from edgeprune.catalogue import Catalogue, Entry
from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table


@dataclass(frozen=True)
class Fact(Generic[Entry]):
    """A property of an entry shown beside its text.

    Attributes:
        key: of the JSON.
        label: for people.
        of: one value, or several.
    """

    key: str
    label: str
    of: Callable[[Entry], str | list[str]]

    def text(self, entry: Entry) -> str:
        value = self.of(entry)
        return value if isinstance(value, str) else ", ".join(value)


def show_catalogue(printer: Printer, key: str, catalogue: Catalogue[Entry], fact: Fact[Entry], summary: str) -> None:
    """A row an entry; `key`: of the JSON, `summary`: the head of the column of summaries."""
    entries = catalogue.all().values()
    rows = [[entry.name, fact.text(entry), entry.summary] for entry in entries]
    printer.result({key: [_data(entry, fact) for entry in entries]}, table([catalogue.kind, fact.label, summary], rows))


def show_entry(printer: Printer, entry: Entry, fact: Fact[Entry]) -> None:
    """Its paragraphs as people read them."""
    paragraphs = entry.description.split("\n\n")
    arguments = [part for part in paragraphs if part.startswith(("Args:", "Returns:"))]
    text = [" ".join(part.split()) for part in paragraphs if part not in arguments]
    printer.result(
        {**_data(entry, fact), "description": text, "arguments": arguments},
        *(f"{part}\n" for part in [entry.name, *text, *arguments]),
        f"{fact.label}: {fact.text(entry)}",
    )


def _data(entry: Entry, fact: Fact[Entry]) -> dict[str, Any]:
    return {"name": entry.name, "summary": entry.summary, fact.key: fact.of(entry)}
