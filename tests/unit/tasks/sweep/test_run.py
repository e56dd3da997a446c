"""When a sweep is not begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.progress import Silent
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.sweep.definition import Trial
from edgeprune.tasks.sweep.run import begin_sweep
from edgeprune.tasks.sweep.table import FOLDER, NAME
from tests.unit.tasks.runs_on_disk import begun, request


@pytest.mark.parametrize(("count", "called"), [(2, "sweep-2"), (10, "sweep-02")])
def test_runs_that_lie_there_already_are_not_taken_for_its_own(tmp_path: Path, count: int, called: str) -> None:
    """As those of a sweep whose folder was removed."""
    begun(tmp_path, called)
    with pytest.raises(UsageError, match=f"{called} lies in"):
        begin_sweep(tmp_path, "sweep", [Trial(FitRequest.from_json(request()), None)] * count, 1, Silent())
    assert not (tmp_path / FOLDER / "sweep" / NAME).exists()
