"""How an entry of a catalogue is shown to people and to scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeprune.catalogue import Explained
from edgeprune.cli.output import Printer


def show_entry(printer: Printer, entry: Explained, facts: Mapping[str, Any], *more: str) -> None:
    """Its paragraphs as people read them.

    Args:
        facts: for scripts.
        more: lines at the end.
    """
    paragraphs = entry.description.split("\n\n")
    arguments = [part for part in paragraphs if part.startswith(("Args:", "Returns:"))]
    text = [" ".join(part.split()) for part in paragraphs if part not in arguments]
    printer.result(
        {**facts, "description": text, "arguments": arguments},
        *(f"{part}\n" for part in [entry.name, *text, *arguments]),
        *more,
    )
