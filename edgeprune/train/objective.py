"""What training lowers and what counts as good. A loss or metric of one's own is `file.py:function`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.entry import load_entry, user_code
from edgeprune.errors import DataError, UsageError
from edgeprune.project import Project

Scored = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Metric:
    """A figure of merit over a whole split.

    Attributes:
        name: as in the project file.
        score: (outputs (N, ...), targets) -> scalar.
        higher_is_better: False for errors.
    """

    name: str
    score: Scored
    higher_is_better: bool = True

    def drop_points(self, before: float, after: float) -> float:
        """How much was lost, in points: the difference where higher is better (accuracy and R2 count 0..100), else the
        growth of the error in percent of what it was."""
        if self.higher_is_better:
            return before - after
        return 100.0 * (after - before) / max(before, 1e-12)

    def is_better(self, one: float, other: float) -> bool:
        return one > other if self.higher_is_better else one < other


@dataclass(frozen=True)
class Objective:
    """loss: (outputs (B, ...), targets) -> scalar; metric: over a whole split."""

    loss_name: str
    loss: Scored
    metric: Metric


def _accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    return 100.0 * (outputs.argmax(dim=1) == targets).float().mean()


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    residual = (outputs - targets).square().sum()
    return 100.0 * (1.0 - residual / (targets - targets.mean(dim=0)).square().sum().clamp_min(1e-12))


LOSSES: dict[str, Scored] = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
}
METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _accuracy),
        Metric("r2", _r2),
        Metric("mse", functional.mse_loss, higher_is_better=False),
        Metric("mae", functional.l1_loss, higher_is_better=False),
    )
}


def make_objective(project: Project) -> Objective:
    """The project's loss and metric.

    A user's own loss and metric take (outputs, targets) and return a scalar tensor; a higher metric is better.

    Raises:
        UsageError: no such name or entry.
    """
    loss, metric = project.task.loss, project.task.metric
    return Objective(
        loss_name=loss,
        loss=LOSSES[loss] if loss in LOSSES else _own("loss", loss, list(LOSSES), project),
        metric=METRICS[metric] if metric in METRICS else Metric(metric, _own("metric", metric, list(METRICS), project)),
    )


def _own(kind: str, name: str, known: list[str], project: Project) -> Scored:
    if ":" not in name:
        raise UsageError(
            f"no {kind} named '{name}'", hint=f"{', '.join(known)}, or file.py:function of (outputs, targets)"
        )
    function = load_entry(name, project.root, UsageError)

    def scored(outputs: Tensor, targets: Tensor) -> Tensor:
        with user_code(name, DataError):
            return torch.as_tensor(function(outputs, targets))

    return scored
