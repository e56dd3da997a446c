"""The shape of the repository, as ARCHITECTURE draws it: few doors, small rooms, short files, no circles."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "edgeprune"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
MOST_PACKAGES = 16
MOST_MODULES = 8
MOST_FILES = 24
MOST_LINES = 300


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def packages() -> set[str]:
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def modules() -> set[str]:
    return {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}


def layers(contract: str) -> list[list[str]]:
    """The contract's lines, each the names on one of them."""
    (lines,) = (found["layers"] for found in CONTRACTS if found["name"] == contract)
    return [[name.strip().rpartition(".")[2] for name in line.split("|")] for line in lines]


def test_few_doors_stand_side_by_side() -> None:
    assert len(packages()) <= MOST_PACKAGES
    assert len(modules()) <= MOST_MODULES


@pytest.mark.parametrize("folder", ["edgeprune", "tests"])
def test_no_folder_is_crowded(folder: str) -> None:
    crowds = {path.parent: 0 for path in files(folder)}
    for path in files(folder):
        crowds[path.parent] += 1
    assert {str(path.relative_to(ROOT)): n for path, n in crowds.items() if n > MOST_FILES} == {}


def test_every_package_states_what_is_behind_its_door() -> None:
    doors = [path for path in files("edgeprune") if path.name == "__init__.py"]
    assert [str(path) for path in doors if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_the_contract_of_the_wings_names_every_one() -> None:
    assert {name for line in layers("wings") for name in line} == packages() | modules()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("edgeprune", cache_dir=None)
    try:
        TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


@pytest.mark.parametrize("contract", ["wings", "rooms of the engine", "rooms of pruning", "rooms of devices"])
def test_architecture_draws_the_layers_that_are_kept(contract: str) -> None:
    drawn = "".join(f"    {' | '.join(line)}\n" for line in layers(contract))
    assert f"\n\n{drawn}\n" in ARCHITECTURE


def test_architecture_draws_every_wing() -> None:
    tree = ARCHITECTURE[: ARCHITECTURE.index("\n## ")]
    assert set(re.findall(r"^      (\w+)/ ", tree, re.MULTILINE)) == packages()
    assert {name.removesuffix(".py") for name in re.findall(r"\w+\.py", tree)} - {"compile"} == modules()


def test_every_door_is_there() -> None:
    rows = [line.split("|")[1:3] for line in ARCHITECTURE.splitlines() if line.startswith("| `")]
    for rooms, doors in rows:
        folders = re.findall(r"`([\w/]+)/`", rooms)
        for module, name in re.findall(r"`(\w+)\.(?!(?:py|c)`)(\w+)", doors):
            sources = "".join(source(PACKAGE / room / f"{module}.py") for room in folders)
            assert re.search(rf"^(?:def|class) {name}\b", sources, re.MULTILINE), f"{rooms.strip()}: {module}.{name}"


def source(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
