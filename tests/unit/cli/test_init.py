"""`edgeprune init`: a working project, and never a lost file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.project import load_project, project_template
from tests.unit.cli.conftest import Cli


def test_what_it_writes_is_a_project(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "project"
    outcome = cli("init", str(folder), "--json")
    assert outcome.exit_code == 0
    assert outcome.data == {"folder": str(folder), "files": list(project_template())}
    assert sorted(path.name for path in folder.iterdir()) == sorted(project_template())
    project = load_project(folder)
    assert project.model.weights is not None
    assert (project.root / project.model.weights).is_file()


def test_without_a_folder_it_writes_here(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "edgeprune fit" in cli("init").stdout
    assert (tmp_path / "edgeprune.toml").is_file()


def test_nothing_is_overwritten(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("mine")
    outcome = cli("init", str(tmp_path))
    assert outcome.exit_code == 2
    assert "model.py" in outcome.stderr
    assert "--force" in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    assert (tmp_path / "model.py").read_text() == "mine"


def test_force_overwrites(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("mine")
    assert cli("init", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "model.py").read_bytes() == project_template()["model.py"]


def test_a_file_in_the_way_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert cli("init", str(tmp_path / "taken")).exit_code == 2
