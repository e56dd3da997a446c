"""Things users pick by name, each in a file of its own and explained by its docstring."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Generic, TypeVar

from edgeprune.errors import UsageError


class Explained(ABC):
    """What users read about an entry."""

    name: str

    @property
    @abstractmethod
    def description(self) -> str:
        """Paragraphs: what it does, the paper, arguments."""

    @property
    def summary(self) -> str:
        """The first paragraph, on one line."""
        return " ".join(self.description.split("\n\n")[0].split())


Entry = TypeVar("Entry", bound=Explained)


class Catalogue(Generic[Entry]):
    """Entries by name; those of a package register themselves when its modules are imported."""

    def __init__(self, kind: str, package: str):
        """Args:
        kind: what an entry is called in errors.
        package: dotted name; its modules hold the entries.
        """
        self._kind = kind
        self._package = package
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        if entry.name in self._entries:
            raise ValueError(f"two entries of kind {self._kind} are called '{entry.name}'")
        self._entries[entry.name] = entry

    def all(self) -> Mapping[str, Entry]:
        """All entries by name, alphabetically."""
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        return dict(sorted(self._entries.items()))

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UsageError: there is none; the nearest name is suggested.
        """
        known = self.all()
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(known)}"
            raise UsageError(f"no {self._kind} is called '{name}'", hint)
        return known[name]
