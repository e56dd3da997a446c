"""Things users pick by name, each in a file of its own and explained by its docstring.

Those of packages of others are found by their entry points: the group is `edgeprune.` and the last part of the name of
our own package (`edgeprune.criteria`), the value a module that registers its entries when it is imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from types import ModuleType
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


def modules_of(package: str) -> Iterator[ModuleType]:
    """The modules of a package, and of packages in it, imported one after the other."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        yield importlib.import_module(module.name)


Entry = TypeVar("Entry", bound=Explained)


class Catalogue(Generic[Entry]):
    """Entries by name; those of a package register themselves when its modules are imported."""

    def __init__(self, kind: str, package: str):
        """Args:
        kind: what an entry is called.
        package: dotted name; its modules, and those of packages in it, hold the entries.
        """
        self.kind = kind
        self._package = package
        self._entries: dict[str, Entry] = {}
        self._is_complete = False

    def add(self, entry: Entry) -> None:
        if entry.name in self._entries:
            raise ValueError(f"two entries of kind {self.kind} are called '{entry.name}'")
        self._entries[entry.name] = entry

    def all(self) -> Mapping[str, Entry]:
        """All entries by name, alphabetically."""
        if not self._is_complete:
            for _ in modules_of(self._package):
                pass  # each registers its entries
            self._plug_in()
            self._is_complete = True
        return dict(sorted(self._entries.items()))

    def _plug_in(self) -> None:
        """Raises UsageError for a package of others that cannot be imported, or brings a name that is taken."""
        for point in entry_points(group=f"edgeprune.{self._package.rpartition('.')[2]}"):
            try:
                point.load()
            except Exception as problem:
                owner = "a package" if point.dist is None else point.dist.name
                raise UsageError(
                    f"{owner} brings the {self.kind} '{point.name}', which does not load: {problem}",
                    hint=f"mend it, or `python -m pip uninstall {owner}`",
                ) from problem

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UsageError: there is none; the nearest name is suggested.
        """
        known = self.all()
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(known)}"
            raise UsageError(f"no {self.kind} is called '{name}'", hint)
        return known[name]
