"""A project's network, samples and objective, held against one another before any work."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from edgeprune.fitting.constant_samples import constant_inputs, constant_targets
from edgeprune.model.load import project_module
from edgeprune.project.file import Project
from edgeprune.prune.surgery.classes import keep_classes
from edgeprune.train.agreement import check_together
from edgeprune.train.data import load_data
from edgeprune.train.objective import Objective, make_objective, taking
from edgeprune.train.splits import Splits


@dataclass(frozen=True, eq=False)
class Loaded:
    """constant: what of samples and targets never changes, in words; empty for good data."""

    module: nn.Module
    splits: Splits
    objective: Objective
    constant: list[str]


def load(project: Project) -> Loaded:
    """What the project names; of some classes alone where `[task] classes` says so.

    Raises:
        ModelError, DataError, UsageError: something is not there, cannot be read, or does not go together.
    """
    torch.manual_seed(project.training.seed)  # build() without a checkpoint draws the same weights each time
    module = project_module(project)
    splits = load_data(project)
    objective = taking(make_objective(project), splits.form)
    module, splits = of_classes(project, module, splits)
    check_together(module, splits, objective)
    constant = [*constant_inputs(splits), *constant_targets(module, splits, objective)]
    return Loaded(module, splits, objective, constant)


def of_classes(project: Project, module: nn.Module, splits: Splits) -> tuple[nn.Module, Splits]:
    """Those that `[task] classes` names; all as they are where it names none."""
    classes = project.task.classes
    if classes is None:
        return module, splits
    return keep_classes(module, project.model.sample_shape, classes), splits.of_classes(classes)
