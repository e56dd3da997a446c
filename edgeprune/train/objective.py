"""The loss that training lowers and the metric that is reported. A custom one is `file.py:function`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.errors import DataError, UsageError
from edgeprune.model.answers import Answer
from edgeprune.project.entry import load_entry, user_code
from edgeprune.project.file import Project
from edgeprune.train.forms.several_targets import TargetForm
from edgeprune.train.metrics import METRICS, Metric, Scored, aligned, mae, mse


@dataclass(frozen=True)
class Objective:
    """loss: (what the network returns for a batch, targets) -> scalar; metric: over a whole split."""

    loss_name: str
    loss: Scored
    metric: Metric


def taking(objective: Objective, form: TargetForm | None) -> Objective:
    """The objective for targets that lie in rows: the user's loss and metric get them as the data held them.

    Raises:
        DataError: a loss or metric of ours, which takes one target a sample.
    """
    if form is None:
        return objective
    loss, metric = objective.loss, objective.metric
    for what, name in (("loss", objective.loss_name), ("metric", metric.name)):
        if name in (LOSSES if what == "loss" else METRICS):
            shown = "a dict of " + ", ".join(form.names) if form.names else f"a tuple of {len(form.shapes)}"
            raise DataError(
                f"the targets are {shown}, the {what} '{name}' takes one array",
                hint=f'{what} = "file.py:function" in [task], a function of (outputs, targets)',
            )
    return replace(
        objective,
        loss=lambda outputs, rows: loss(outputs, form.parts_of(rows)),
        metric=replace(metric, score=lambda outputs, rows: metric.score(outputs, form.parts_of(rows))),
    )


def _bce(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs, aligned(outputs, targets))


LOSSES: dict[str, Scored] = {
    "cross_entropy": functional.cross_entropy,
    "bce": _bce,
    "mse": mse,
    "mae": mae,
}


def make_objective(project: Project) -> Objective:
    """The project's loss and metric.

    A user's own loss and metric take (outputs, targets) and return a scalar tensor; a higher metric is better.

    Raises:
        UsageError: no such name or entry.
    """
    loss, metric, weights = project.task.loss, project.task.metric, project.task.class_weights
    if weights is not None and loss != "cross_entropy":
        raise UsageError(f"class_weights are of cross_entropy, the loss is {loss}", hint="leave one of the two away")
    return Objective(
        loss_name=loss,
        loss=_weighted(weights) if weights else LOSSES.get(loss) or _own("loss", loss, list(LOSSES), project),
        metric=METRICS[metric] if metric in METRICS else Metric(metric, _own("metric", metric, list(METRICS), project)),
    )


def _weighted(class_weights: Sequence[float]) -> Scored:
    weights = torch.tensor(class_weights)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        if len(weights) != outputs.shape[1]:
            raise DataError(
                f"{len(weights)} class_weights for {outputs.shape[1]} classes", hint="one for each output of the model"
            )
        return functional.cross_entropy(outputs, targets, weights.to(outputs.device))

    return loss


def _own(kind: str, name: str, known: list[str], project: Project) -> Scored:
    if ":" not in name:
        raise UsageError(
            f"no {kind} named '{name}'", hint=f"{', '.join(known)}, or file.py:function of (outputs, targets)"
        )
    function = load_entry(name, project.root, UsageError)

    def scored(outputs: Answer, targets: Tensor) -> Tensor:
        with user_code(name, DataError):
            return torch.as_tensor(function(outputs, targets))

    return scored
