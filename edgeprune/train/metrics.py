"""Figures of merit over a whole split, by name.

Those of classes are read off one confusion matrix; labels of `IGNORED` count nowhere. Shares are in percent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgeprune.errors import DataError
from edgeprune.model.answers import Answer
from edgeprune.train.detections import map50

IGNORED = -100
"""The label that neither losses nor metrics look at, as in PyTorch's cross_entropy."""

_NEXT_TO_NONE = 0.1  # of the targets' distance to their mean

Scored = Callable[[Answer, Tensor], Tensor]


class Compares(StrEnum):
    """What a metric holds outputs against; `agreement.py` checks shapes and types by it."""

    CLASSES = "classes"  # logits (N, C, ...) and one label a place, or one logit for each yes or no
    VALUES = "values"  # one target for each output
    OBJECTS = "objects"  # boxes and scores, and rows of a class and a box
    ANYTHING = "anything"  # the user's own


@dataclass(frozen=True)
class Metric:
    """A figure of merit over a whole split.

    Attributes:
        name: as in the project file.
        score: (what the network returns, (N, ...) each tensor, targets) -> scalar.
        higher_is_better: False for errors.
        least_error: what a smaller error is counted as where growth is judged (`judging`); 0 for others.
    """

    name: str
    score: Scored
    higher_is_better: bool = True
    compares: Compares = Compares.ANYTHING
    least_error: float = 0.0

    def judging(self, targets: Tensor) -> Metric:
        """The metric, of an error one that knows what is next to none on such targets.

        Growth in percent says nothing where there is next to no error to grow from: an original that is exact would
        lose millions of points to the rounding of any int8 output. So an error counts for no less than that of outputs
        a tenth of the way from the targets to their mean, R2 of 99 %, the noise (20 dB) that is usual for int8.

        Args:
            targets: (N, ...) of a split.
        """
        if self.higher_is_better:
            return self
        values = targets.float()
        nearly = values + _NEXT_TO_NONE * (values.mean(dim=0) - values)
        return replace(self, least_error=float(self.score(nearly, values)))

    @property
    def usual_max_drop_points(self) -> float:
        """What a fit may lose where nobody says: ten points, or twice the error."""
        return 10.0 if self.higher_is_better else 100.0

    def drop_points(self, before: float, after: float) -> float:
        """How much was lost, in points: the difference where higher is better (accuracy and R2 count 0..100), else the
        growth of the error in percent of `counted_error`."""
        if self.higher_is_better:
            return before - after
        return 100.0 * (after - before) / max(self.counted_error(before), 1e-12)

    def counted_error(self, before: float) -> float:
        """What growth of an error is percent of: the error itself, or `least_error` where it is less."""
        return max(before, self.least_error)

    def is_better(self, one: float, other: float) -> bool:
        return one > other if self.higher_is_better else one < other


def aligned(outputs: Tensor, targets: Tensor) -> Tensor:
    """Targets in the outputs' shape and type: (N,) for outputs (N, 1) gets its axis, (N, 1) for (N,) loses it; nothing
    else is broadcast.

    Raises:
        DataError: the shapes differ otherwise.
    """
    if targets.shape != outputs.shape and (*targets.shape, 1) == tuple(outputs.shape):
        targets = targets.unsqueeze(-1)
    elif (*outputs.shape, 1) == tuple(targets.shape):
        targets = targets.squeeze(-1)
    if targets.shape != outputs.shape:
        raise DataError(
            f"targets of shape {tuple(targets.shape)} for outputs of shape {tuple(outputs.shape)}",
            hint="one target for each output of the model",
        )
    return targets.to(outputs.dtype)


def is_binary(outputs: Tensor, targets: Tensor) -> bool:
    """Whether each output is a yes or no of its own: one of them, or several labels."""
    return outputs.shape[1:] in ((), (1,)) or targets.shape == outputs.shape


def _accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Percent right: the largest of several classes, or, of logits with a target each, the side of zero."""
    if is_binary(outputs, targets):
        return 100.0 * ((outputs > 0) == (aligned(outputs, targets) > 0.5)).float().mean()
    counted = targets != IGNORED
    return 100.0 * (outputs.argmax(dim=1) == targets)[counted].float().mean()


def _top(count: int) -> Scored:
    def score(outputs: Tensor, targets: Tensor) -> Tensor:
        """Percent whose class is among the likeliest."""
        best = outputs.topk(min(count, outputs.shape[1]), dim=1).indices
        return 100.0 * (best == targets.unsqueeze(1)).any(dim=1)[targets != IGNORED].float().mean()

    return score


def _rows(values: Tensor) -> Tensor:
    """(N, ...) or (N,) -> (N, values)"""
    return values.reshape(len(values), -1)


def confusion(outputs: Tensor, targets: Tensor) -> list[Tensor]:
    """Counts (true, found): one matrix over the classes, or one of no and yes for each output of its own."""
    if is_binary(outputs, targets):
        found, wanted = (outputs > 0).long(), (aligned(outputs, targets) > 0.5).long()
        columns = zip(_rows(found).T, _rows(wanted).T, strict=True)
        return [torch.bincount(2 * want + got, minlength=4).reshape(2, 2).double() for got, want in columns]
    classes, counted = outputs.shape[1], targets != IGNORED
    found, wanted = outputs.argmax(dim=1)[counted], targets[counted]
    return [torch.bincount(classes * wanted + found, minlength=classes**2).reshape(classes, classes).double()]


def _balanced_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Percent right a class, the mean over the classes there are (Brodersen et al., ICPR 2010)."""
    rates = [
        matrix.diag()[matrix.sum(1) > 0] / matrix.sum(1)[matrix.sum(1) > 0] for matrix in confusion(outputs, targets)
    ]
    return 100.0 * torch.cat(rates).mean()


def _f1(outputs: Tensor, targets: Tensor) -> Tensor:
    """Harmonic mean of precision and recall in percent: of yes, the mean over outputs; or the mean over classes."""
    scores = []
    for matrix in confusion(outputs, targets):
        hits, sizes = matrix.diag(), matrix.sum(0) + matrix.sum(1)
        each = 2 * hits / sizes.clamp_min(1)
        scores.append(each[1:] if is_binary(outputs, targets) else each[sizes > 0])
    return 100.0 * torch.cat(scores).mean()


def _miou(outputs: Tensor, targets: Tensor) -> Tensor:
    """Intersection over union in percent, the mean over the classes there are."""
    shares = []
    for matrix in confusion(outputs, targets):
        union = matrix.sum(0) + matrix.sum(1) - matrix.diag()
        shares.append((matrix.diag() / union.clamp_min(1))[union > 0])
    return 100.0 * torch.cat(shares).mean()


def _auc(outputs: Tensor, targets: Tensor) -> Tensor:
    """Area under the receiver operating characteristic in percent; one class against the rest, the mean over those
    that have samples of both kinds. 50 is chance."""
    if is_binary(outputs, targets):
        wanted = _rows(aligned(outputs, targets)) > 0.5
        scores = _rows(outputs)
    else:
        places = outputs.movedim(1, -1).flatten(0, -2)
        labels = targets.flatten()
        scores = places[labels != IGNORED].softmax(dim=1)
        wanted = functional.one_hot(labels[labels != IGNORED], outputs.shape[1]).bool()
    areas = [_area(score.double().numpy(), truth.numpy()) for score, truth in zip(scores.T, wanted.T, strict=True)]
    known = [area for area in areas if area is not None]
    return torch.tensor(100.0 * sum(known) / len(known) if known else torch.nan)


def _area(score: np.ndarray, truth: np.ndarray) -> float | None:
    if truth.all() or not truth.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score))


def _r2(outputs: Tensor, targets: Tensor) -> Tensor:
    targets = aligned(outputs, targets)
    residual = (outputs - targets).square().sum()
    return 100.0 * (1.0 - residual / (targets - targets.mean(dim=0)).square().sum().clamp_min(1e-12))


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs, aligned(outputs, targets))


def mae(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.l1_loss(outputs, aligned(outputs, targets))


def _sqnr(outputs: Tensor, targets: Tensor) -> Tensor:
    """Power of the targets over that of the difference, in dB."""
    targets = aligned(outputs, targets)
    power, noise = targets.square().mean(), (outputs - targets).square().mean()
    return 10.0 * torch.log10(power.clamp_min(1e-20) / noise.clamp_min(1e-20))


METRICS = {
    metric.name: metric
    for metric in (
        *(
            Metric(name, score, compares=Compares.CLASSES)
            for name, score in (
                ("accuracy", _accuracy),
                ("balanced_accuracy", _balanced_accuracy),
                ("top3", _top(3)),
                ("top5", _top(5)),
                ("f1", _f1),
                ("auc", _auc),
                ("miou", _miou),
            )
        ),
        Metric("map50", map50, compares=Compares.OBJECTS),
        Metric("r2", _r2, compares=Compares.VALUES),
        Metric("sqnr", _sqnr, compares=Compares.VALUES),
        Metric("mse", mse, higher_is_better=False, compares=Compares.VALUES),
        Metric("mae", mae, higher_is_better=False, compares=Compares.VALUES),
    )
}
