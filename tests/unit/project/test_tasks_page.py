"""The projects of docs/tasks.md: each is loaded, held against its data, traced and quantized."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from edgeprune.export.tflite import export_tflite
from edgeprune.model.load import project_module
from edgeprune.project.file import load_project
from edgeprune.prune.network import Network
from edgeprune.train.agreement import check_together
from edgeprune.train.data import load_data
from edgeprune.train.objective import make_objective, taking

PAGE = (Path(__file__).parents[3] / "docs" / "tasks.md").read_text()
FILES = ("edgeprune.toml", "model.py", "data.py")


def projects() -> Iterator[tuple[str, dict[str, str]]]:
    for section in PAGE.split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        code = "\n".join(line for line in text.splitlines() if line.startswith("    ") or not line)
        parts = re.split(r"^    # (edgeprune\.toml|model\.py|data\.py)$", code, flags=re.MULTILINE)
        if len(parts) == 7:
            yield title, {name: dedent(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


PROJECTS = dict(projects())


@pytest.mark.parametrize("title", PROJECTS)
def test_the_project_of_the_page_runs(title: str, tmp_path: Path) -> None:
    assert set(PROJECTS[title]) == set(FILES)
    for name, text in PROJECTS[title].items():
        (tmp_path / name).write_text(text)
    project = load_project(tmp_path)
    module, splits = project_module(project), load_data(project)
    check_together(module, splits, taking(make_objective(project), splits.form))
    network = Network.of(module, project.model.sample_shape)
    assert network.groups.groups
    exported = export_tflite(network.module, splits.calibration.take(8).tensor())
    assert exported.sqnr_db > 20


def test_every_task_has_a_project() -> None:
    assert len(PROJECTS) >= 8
