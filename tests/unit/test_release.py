import tomllib
from pathlib import Path

from edgeprune.release import __version__


def test_package_and_project_file_name_the_same_version() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__
