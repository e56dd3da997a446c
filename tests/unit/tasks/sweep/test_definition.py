"""Every combination of a sweep's lists, each once, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeprune.budget import Limits
from edgeprune.errors import UsageError
from edgeprune.files.schema import load_toml, validated
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.sweep.definition import SweepTable, Trial, trials_of


def trials(**tables: Any) -> list[Trial]:
    return trials_of(validated({"targets": ["cortex-m4"], **tables}, SweepTable, Path("sweep.toml")), Path())


def test_every_combination_comes_once_the_seed_last() -> None:
    found = trials(
        criteria=["l2", "taylor"], targets=["cortex-m4", "cortex-m3"], seeds=[3, 5], schedules=["steps", "one-shot"]
    )
    tried = [
        (trial.request.target, trial.request.options.criterion, trial.request.options.schedule, trial.request.seed)
        for trial in found
    ]
    assert len(set(tried)) == len(tried) == 16
    assert tried[:3] == [("cortex-m4", "l2", None, 3), ("cortex-m4", "l2", None, 5), ("cortex-m4", "l2", "one-shot", 3)]
    assert [trial.request.loaded_project.training.seed for trial in found[:2]] == [3, 5]
    for trial in found:
        assert FitRequest.from_json(trial.request.as_json()) == trial.request


def test_limits_are_tables_as_in_a_project() -> None:
    found = trials(limits=[{"flash": "96KiB"}, {"ram": 8192, "latency": "5ms"}])
    assert [trial.request.limits for trial in found] == [
        Limits(flash_bytes=98304),
        Limits(ram_bytes=8192, latency_us=5000.0),
    ]


def test_seeds_left_out_are_the_projects_own(tmp_path: Path) -> None:
    table = '[model]\nentry = "model.py:build"\ninput = [1, 12, 12]\n[data]\npath = "data.npz"\n[training]\nseed = 7\n'
    (tmp_path / "edgeprune.toml").write_text(table)
    assert [trial.request.seed for trial in trials(project=tmp_path)] == [7]
    assert [trial.request.seed for trial in trials(project=tmp_path, seeds=[0])] == [0]


def test_the_file_of_the_page_is_a_sweep(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "sweep.md").read_text()
    (tmp_path / "sweep.toml").write_text(page.partition("```toml\n")[2].partition("```")[0])
    found = trials_of(load_toml(tmp_path / "sweep.toml", SweepTable), tmp_path)
    assert len(found) == 48 and all(trial.refused is None for trial in found)


def test_what_does_not_go_together_is_one_trials_refusal() -> None:
    found = trials(
        schedules=["steps", "one-shot"], granularities=["channels", "blocks"], limits=[{"flash": "1000MiB"}, {}]
    )
    refused = [trial.refused for trial in found if trial.refused is not None]
    assert len(refused) == 5 and any("thins channels alone" in why for why in refused)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"criteria": ["l9"]}, "l9"),
        ({"schedules": ["sometimes"]}, "sometimes"),
        ({"granularities": ["dust"]}, "dust"),
        ({"targets": ["cortex-m99"]}, "cortex-m99"),
        ({"criteria": []}, "criteria"),
        ({"criterias": ["l2"]}, "did you mean criteria"),
        ({"seeds": [1, 1]}, "seeds names something twice"),
        ({"limits": [{"flash": "64KiB"}, {"flash": 65536}]}, "limits names something twice"),
        ({"limits": [{"target": "cortex-m4"}]}, "a target stands in the limits"),
        ({"name": "../up"}, "name"),
        ({"schedules": ["rewind"], "rewind": "missing.pt"}, "are not there"),
        ({"project": "nowhere"}, "nowhere"),
    ],
)
def test_a_wrong_table_is_refused_by_name(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        trials(**tables)
