"""What a fit is held to where nobody says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeprune.budget import Limits
from edgeprune.fitting import loop
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.job import Job
from edgeprune.progress import Silent
from edgeprune.project.file import default_project
from edgeprune.tasks.fit import FitRequest, begin_fit, options_of
from edgeprune.train.objective import METRICS


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
