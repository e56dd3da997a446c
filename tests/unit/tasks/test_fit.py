"""What a fit is held to where nobody says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from edgeprune.budget import Limits
from edgeprune.errors import UsageError
from edgeprune.fitting import loop
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.job import Job
from edgeprune.progress import Silent
from edgeprune.project.file import default_project
from edgeprune.tasks.fit import FitRequest, begin_fit, fit_at, options_of
from edgeprune.tasks.python import fit
from edgeprune.train.objective import METRICS
from tests.unit.tasks.runs_on_disk import begun


def test_ten_points_may_be_lost_where_nobody_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held_to: list[float | None] = []

    def looked_at(job: Job, *_: Any) -> None:
        held_to.append(job.budget.max_drop_points)

    monkeypatch.setattr(loop, "run_fit", looked_at)
    for limits in (Limits(), Limits(max_drop_points=2.5)):
        options = options_of(default_project())
        begin_fit(FitRequest(None, "cortex-m4", limits, GRANULARITIES.find("channels"), options), tmp_path, Silent())
    assert held_to == [10, 2.5]
    assert METRICS["mse"].usual_max_drop_points == 100  # percent of the error


def test_a_folder_with_another_request_is_not_taken_for_this_one(tmp_path: Path) -> None:
    folder = begun(tmp_path, "sweep-1")
    asked = FitRequest.noted_in(folder)
    other = replace(asked, options=replace(asked.options, criterion="taylor"))
    with pytest.raises(UsageError, match="begun with another request"):
        fit_at(folder, other, Silent())


def test_growth_of_an_error_is_judged_by_what_is_next_to_none_on_the_test_targets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Job] = []

    class Seen(Exception):
        pass

    def looked_at(job: Job, *_: Any) -> None:
        seen.append(job)
        raise Seen

    monkeypatch.setattr(loop, "run_fit", looked_at)
    rng = np.random.default_rng(0)
    train, test = ((rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(60, 1), scale=3)) for _ in range(2))
    with pytest.raises(Seen):
        fit(nn.Linear(4, 1), train, test=test, target="cortex-m4", loss="mse", metric="mse", runs=tmp_path)
    (job,) = seen
    assert job.objective.metric.least_error == pytest.approx(0.01 * test[1].var(), rel=1e-4)
    assert job.budget.max_drop_points == 100
