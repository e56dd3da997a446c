"""`edgeprune init`: a working project, and never a lost file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.hardware.registry import load_target
from edgeprune.project.file import load_project, project_template
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


def test_a_link_to_nothing_is_not_followed(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "model.py").symlink_to(tmp_path / "elsewhere.py")
    assert cli("init", str(folder)).exit_code == 2
    assert not (tmp_path / "elsewhere.py").exists()


def test_force_overwrites(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("mine")
    assert cli("init", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / "model.py").read_bytes() == project_template()["model.py"]


def test_a_file_in_the_way_is_a_usage_error(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert cli("init", str(tmp_path / "taken")).exit_code == 2


def test_a_criterion_is_a_package_with_its_test(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", "--kind", "criterion", str(tmp_path)).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my_criterion.py", "pyproject.toml", "test_my_criterion.py",
    ]  # fmt: skip


def test_a_target_is_one_that_can_be_read(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("init", "--kind", "target", str(tmp_path))
    assert outcome.exit_code == 0 and "targets check" in outcome.stdout
    assert cli("targets", "check", str(tmp_path / "my-board.toml")).exit_code == 0
    assert load_target(str(tmp_path / "my-board.toml")).name == "my-board"
