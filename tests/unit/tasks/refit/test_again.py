"""What is noted of a refit, weights that cannot be loaded, and a second search of widths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeprune.budget import Limits
from edgeprune.errors import ModelError
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.record import save_record
from edgeprune.progress import Silent
from edgeprune.project.file import default_project
from edgeprune.tasks.fit import FitRequest, options_of
from edgeprune.tasks.refit.again import refit_resumed, refitted
from tests.unit.tasks.report.records import run_record


def request(weights: Path) -> FitRequest:
    limits, granularity = Limits(flash_bytes=65536), GRANULARITIES.find("channels")
    options = options_of(default_project())
    return FitRequest(None, "cortex-m4", limits, granularity, options, weights=str(weights), tag="shipped")


def test_weights_that_cannot_be_loaded_leave_no_run(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10")
    with pytest.raises(ModelError, match="not a safetensors file"):
        refitted(request(broken), tmp_path / "runs", Silent())
    assert not (tmp_path / "runs").exists()


def test_a_resumed_refit_that_lost_too_much_has_its_widths_chosen_anew(tmp_path: Path) -> None:
    asked = request(tmp_path / "gone.safetensors")
    asked = replace(asked, options=replace(asked.options, widths={"0": 8}), refit_of=str(tmp_path / "old"))
    with Workspace.begin(tmp_path, "first", asked.as_json()) as workspace:
        first = workspace.folder
    save_record(run_record().model_copy(update={"drop_points": 12.0, "max_drop_points": 10.0}), first)
    with pytest.raises(ModelError, match="gone"):  # of the second run, which was begun beside the first
        refit_resumed(first, Silent())
    second = (tmp_path / "latest").resolve()
    assert second.parent == first.parent and second != first
    assert FitRequest.noted_in(second) == replace(asked, options=replace(asked.options, widths=None))


def test_the_tag_is_noted(tmp_path: Path) -> None:
    asked = request(tmp_path / "new.pt")
    assert FitRequest.from_json(asked.as_json()) == asked
