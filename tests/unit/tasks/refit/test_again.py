"""What is noted of a refit, and weights that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.budget import Limits
from edgeprune.errors import ModelError
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.progress import Silent
from edgeprune.project.file import default_project
from edgeprune.tasks.fit import FitRequest, options_of
from edgeprune.tasks.refit.again import refitted


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


def test_the_tag_is_noted(tmp_path: Path) -> None:
    asked = request(tmp_path / "new.pt")
    assert FitRequest.from_json(asked.as_json()) == asked
