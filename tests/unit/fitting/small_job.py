"""A job on random 8x8 images, for the parts of a fit that link nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.protocol import Deployment
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.job import Job
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.project.file import project_from
from edgeprune.tasks.fit import options_of
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import make_splits
from tests.unit.fitting.memory_deployment import MemoryDeployment

SHAPE = (1, 8, 8)
TARGET = load_target("cortex-m4")


class Notes(Silent):
    """The notes reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def job_in(folder: Path, entry: str = "a.py:b", deployment: Deployment | None = None, **options: Any) -> Job:
    """Four classes, the largest of four random projections; its workspace is a new folder in `folder`."""
    torch.set_num_threads(1)
    inputs = torch.rand(600, *SHAPE, generator=torch.Generator().manual_seed(1))
    labels = (inputs.flatten(1) @ torch.randn(64, 4, generator=torch.Generator().manual_seed(2))).argmax(1)
    tables = {"model": {"entry": entry, "input": SHAPE}, "data": {"entry": "a.py:c"}, "training": {"batch": 64}}
    project = project_from(tables, folder)
    return Job(
        project, TARGET, options_of(project, **options), make_splits({"train": (inputs, labels)}, SHAPE),
        Objective("cross_entropy", nn.functional.cross_entropy, METRICS["accuracy"]),
        Workspace.begin(folder, "run", {"asked": "once"}), Notes(),
        deployment or MemoryDeployment(Budget(1, 1)),
    )  # fmt: skip
