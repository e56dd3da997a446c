"""Things users pick by name, each in a file of its own and explained by its docstring.

Those of packages of others are found by their entry points. The group is `edgeprune.` and the last part of the name of
our own package: `criteria`, `granularities`, `schedules` (modules that register their entries when they are imported);
`links`, `loaders`, `kernels` (modules that declare what our own modules do); `targets` and `boards` (packages in whose
folder files lie, and none of whose code runs).
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

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


def plugged_in(group: str, declared: str) -> dict[str, Any]:
    """Name -> what the modules that others bring as `edgeprune.<group>` declare under that name.

    Raises:
        UsageError: one that cannot be imported, or declares nothing.
    """
    found = {}
    for point in _points(group):
        module = _loaded(point, group)
        if not hasattr(module, declared):
            raise _does_not_load(point, group, f"{point.value} declares no {declared}")
        found[point.name] = getattr(module, declared)
    return found


def plugged_modules(group: str) -> list[ModuleType]:
    """The modules that packages of others bring as `edgeprune.<group>`, imported.

    Raises:
        UsageError: one that cannot be.
    """
    return [_loaded(point, group) for point in _points(group)]


def plugged_folders(group: str) -> dict[str, Path]:
    """Name -> folder of the packages that others bring as `edgeprune.<group>`; nothing of them is imported.

    Raises:
        UsageError: one that is not there.
    """
    return {point.name: _folder(point, group) for point in _points(group)}


def plugged_names(group: str) -> set[str]:
    """Names of what others bring as `edgeprune.<group>`."""
    return {point.name for point in _points(group)}


@cache
def _points(group: str) -> tuple[EntryPoint, ...]:
    """By name; looked for once, which reads what every installed package declares.

    Raises:
        UsageError: two packages bring one name.
    """
    points = sorted(entry_points(group=f"edgeprune.{group}"), key=lambda point: (point.name, point.value))
    for one, other in pairwise(points):
        if one.name == other.name and one.value != other.value:
            owners = ", ".join("a package" if point.dist is None else point.dist.name for point in (one, other))
            raise UsageError(
                f"'{one.name}' of edgeprune.{group} is brought twice: {owners}", hint="uninstall one of them"
            )
    return tuple(points)


def _loaded(point: EntryPoint, group: str) -> ModuleType:
    try:
        module = point.load()
    except Exception as problem:
        raise _does_not_load(point, group, str(problem)) from problem
    if not isinstance(module, ModuleType):
        raise _does_not_load(point, group, f"{point.value} is no module")
    return module


def _folder(point: EntryPoint, group: str) -> Path:
    if "." in point.value:
        raise _does_not_load(point, group, f"{point.value} lies in a package, which would be run to find it")
    try:
        spec = find_spec(point.value)
    except (ImportError, ValueError) as problem:
        raise _does_not_load(point, group, str(problem)) from problem
    if spec is None or spec.origin is None or spec.submodule_search_locations is None:
        raise _does_not_load(point, group, f"{point.value} is no package with an __init__.py")
    return Path(spec.origin).parent


def _does_not_load(point: EntryPoint, group: str, problem: str) -> UsageError:
    owner = "a package" if point.dist is None else point.dist.name
    return UsageError(
        f"{owner} brings '{point.name}' to edgeprune.{group}, which does not load: {problem}",
        hint=f"mend it, or `python -m pip uninstall {owner}`",
    )


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
        """All entries by name, alphabetically.

        Raises:
            UsageError: a package of others cannot be imported, or brings a name that is taken.
        """
        if not self._is_complete:
            for _ in modules_of(self._package):
                pass  # each registers its entries
            plugged_modules(self._package.rpartition(".")[2])
            self._is_complete = True
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
            raise UsageError(f"no {self.kind} is called '{name}'", hint)
        return known[name]
