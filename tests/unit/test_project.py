from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.project import load_project, project_from

GOOD = {"model": {"entry": "model.py:build", "input": [3, 32, 32]}, "data": {"path": "images.zip"}}


def changed(**tables: dict[str, object]) -> dict[str, object]:
    return {**GOOD, **{name: {**GOOD.get(name, {}), **table} for name, table in tables.items()}}


def test_defaults_and_units(tmp_path: Path) -> None:
    project = project_from(changed(limits={"flash": "96KiB", "ram": 40960, "latency": "20ms"}), tmp_path)
    assert (project.limits.flash, project.limits.ram, project.limits.latency) == (98304, 40960, 20_000)
    assert project.task.loss == "cross_entropy" and project.training.epochs == 3
    assert project.root == tmp_path.resolve()


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (changed(model={"weigths": "w.pt"}), "model.weigths: no such key; did you mean weights?"),
        ({**GOOD, "limit": {}}, "limit: no such key; did you mean limits?"),
        ({"data": {"path": "x"}}, "model: missing"),
        (changed(model={"input": [3, 0, 32]}), "model.input[1]"),
        (changed(limits={"flash": "96 parsecs"}), "'96 parsecs' is no size"),
        (changed(data={"entry": "data.py:load"}), "either 'entry'"),
        (changed(data={"mean": [0.1, 0.2]}), "data.mean has 2 values, the input 3 channels"),
        (changed(model={"input": [40]}, data={"augment": "crop"}), "augment is for images"),
        (changed(training={"epochs": -1}), "training.epochs"),
    ],
)
def test_wrong_files_are_told(tables: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        project_from(tables, tmp_path)
    assert says in caught.value.message


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not there"):
        load_project(tmp_path)
    (tmp_path / "edgeprune.toml").write_text("[model\n")
    with pytest.raises(UsageError, match="no valid TOML"):
        load_project(tmp_path)
