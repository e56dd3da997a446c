"""The surroundings of a fit for what is only tried: a workspace that goes afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Budget, Optimize
from edgeprune.deploy.protocol import Setup
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.job import FitOptions, Job
from edgeprune.hardware.profile import Target
from edgeprune.progress import Progress
from edgeprune.project.file import Project
from edgeprune.tasks.deployment import deployment_on
from edgeprune.train.objective import Objective
from edgeprune.train.splits import Splits


@contextmanager
def untrained_job(
    project: Project,
    splits: Splits,
    objective: Objective,
    target: Target,
    budget: Budget,
    options: FitOptions,
    progress: Progress,
) -> Iterator[Job]:
    """Of one step, without a device; nothing of it stays.

    Raises:
        UsageError: nothing can be built for the target.
    """
    with (
        tempfile.TemporaryDirectory(prefix="edgeprune-untrained-") as folder,
        Workspace.begin(Path(folder), "untrained", {}) as workspace,
    ):
        setup = Setup(target, budget, splits.calibration, None, workspace, progress)
        deployment = deployment_on(setup, options.optimize or Optimize.BALANCED, project.model.name, options.command)
        yield Job(project, target, replace(options, steps=1), splits, objective, workspace, progress, deployment)
