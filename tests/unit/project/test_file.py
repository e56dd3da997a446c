from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.hardware.registry import load_target
from edgeprune.model.load import project_module
from edgeprune.project.file import default_project, load_project, project_from, project_template
from edgeprune.tasks.fit import options_of
from edgeprune.train.agreement import check_together
from edgeprune.train.data import load_data
from edgeprune.train.evaluate import evaluate
from edgeprune.train.objective import make_objective

GOOD = {"model": {"entry": "model.py:build", "input": [3, 32, 32]}, "data": {"path": "images.zip"}}


def changed(**tables: dict[str, object]) -> dict[str, object]:
    return {**GOOD, **{name: {**GOOD.get(name, {}), **table} for name, table in tables.items()}}


def test_defaults_and_units(tmp_path: Path) -> None:
    project = project_from(changed(limits={"flash": "96KiB", "ram": 40960, "latency": "20ms"}), tmp_path)
    assert (project.limits.flash, project.limits.ram, project.limits.latency) == (98304, 40960, 20_000)
    assert project.task.loss == "cross_entropy" and project.training.epochs == 3
    assert project.root == tmp_path.resolve()


@pytest.mark.parametrize(
    ("tables", "expected_message"),
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
def test_wrong_files_are_reported(tables: dict[str, object], expected_message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        project_from(tables, tmp_path)
    assert expected_message in caught.value.message


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not there"):
        load_project(tmp_path)
    (tmp_path / "edgeprune.toml").write_text("[model\n")
    with pytest.raises(UsageError, match="no valid TOML"):
        load_project(tmp_path)


def test_the_bundled_project_is_whole_and_too_big_for_a_cortex_m4() -> None:
    """Its peak is inside `expand`: 16 channels kept for the addition, 64 written; weights are one byte each."""
    project = default_project()
    module = project_module(project)
    splits = load_data(project)
    check_together(module, splits, make_objective(project))
    assert evaluate(module, splits.test, make_objective(project).metric) > 98.5
    flash, ram = (load_target(str(project.limits.target)).region(kind).size_bytes for kind in ("flash", "ram"))
    assert sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1) > flash
    assert ram < (16 + 64) * 32 * 32


def test_what_init_writes_works_as_written(tmp_path: Path) -> None:
    for name, content in project_template().items():
        (tmp_path / name).write_bytes(content)
    project = load_project(tmp_path)
    assert project_module(project)
    assert len(load_data(project).train) > 1000


def test_the_steps_of_a_fit_follow_the_epochs_it_really_has() -> None:
    project = default_project()
    assert (project.training.epochs, options_of(project).steps) == (6, 2)
    assert options_of(project, epochs=3).steps == 1
