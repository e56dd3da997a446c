"""Folders of runs as `fit` leaves them, their records cut down to what tells runs apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeprune.budget import Limits
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.project.file import default_project
from edgeprune.tasks.fit import FitRequest, options_of


def request(target: str = "cortex-m4", **options: Any) -> dict[str, Any]:
    limits, granularity = Limits(flash_bytes=65536), GRANULARITIES.find("channels")
    return FitRequest(None, target, limits, granularity, options_of(default_project(), **options)).as_json()


def begun(runs: Path, name: str, target: str = "cortex-m4", **options: Any) -> Path:
    """A run that no process works on any more, and that did not finish."""
    with Workspace.begin(runs, name, request(target, **options)) as workspace:
        return workspace.folder


def finished(runs: Path, name: str, **figures: Any) -> Path:
    folder = begun(runs, name, target=figures.get("target", "cortex-m4"))
    record = {
        "created": "2026-01-02T03:04:05+0000",
        "target": "cortex-m4",
        "model": "digits",
        "fits": True,
        "accuracy": {"metric": "accuracy", "int8": figures.pop("score", 90.0)},
        "drop_points": 1.0,
        "flash_bytes": 50_000,
        "flash_limit_bytes": 65_536,
        "ram_bytes": 30_000,
        "ram_limit_bytes": 65_536,
        "latency_limit_us": None,
        "total_us": None,
        "after": {"latency_us": 1500.0},
        **figures,
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder
