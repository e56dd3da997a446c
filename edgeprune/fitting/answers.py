"""What a network's outputs were right and wrong about, for the record: a confusion matrix, or how errors are spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from edgeprune.fitting.record import AnswersRecord, ConfusionCell
from edgeprune.model.answers import Answer
from edgeprune.train.metrics import Compares, Metric, aligned, confusion, is_binary

_BINS = 30
_MOST_CELLS = 4_096
Outputs = Mapping[str, tuple[Answer, Tensor]]


def answers_record(metric: Metric, class_names: Sequence[str], outputs: Outputs) -> AnswersRecord | None:
    """Of each network's outputs beside their targets; None where a metric of the user's own compares something else.

    Args:
        outputs: who computed them -> (outputs (N, ...), targets).
    """
    whole = {who: (answer, targets) for who, (answer, targets) in outputs.items() if isinstance(answer, Tensor)}
    if len(whole) < len(outputs):
        return None
    compares = metric.compares if metric.compares is not Compares.ANYTHING else _alike(whole)
    if compares is Compares.CLASSES:
        return _confusions(class_names, whole)
    return _errors(whole) if compares is Compares.VALUES else None


def _alike(outputs: Mapping[str, tuple[Tensor, Tensor]]) -> Compares:
    """By shapes and types."""
    answer, targets = next(iter(outputs.values()))
    if targets.is_floating_point():
        return Compares.VALUES if targets.shape == answer.shape else Compares.ANYTHING
    is_labels = answer.dim() > 1 and targets.shape == (answer.shape[0], *answer.shape[2:])
    return Compares.CLASSES if is_labels else Compares.ANYTHING


def _confusions(class_names: Sequence[str], outputs: Mapping[str, tuple[Tensor, Tensor]]) -> AnswersRecord:
    confusions: dict[str, tuple[ConfusionCell, ...]] = {}
    for who, (answer, targets) in outputs.items():
        matrix = torch.stack(confusion(answer, targets)).sum(0)
        cells = [(int(matrix[true, found]), int(true), int(found)) for true, found in matrix.nonzero().tolist()]
        kept = sorted(cells, reverse=True)[:_MOST_CELLS]
        confusions[who] = tuple(
            ConfusionCell(true=true, found=found, samples=count)
            for count, true, found in sorted(kept, key=lambda cell: cell[1:])
        )
    answer, targets = next(iter(outputs.values()))
    own = ("no", "yes") if is_binary(answer, targets) else tuple(map(str, range(answer.shape[1])))
    names = tuple(class_names) if len(class_names) == len(own) else own
    return AnswersRecord(class_names=names, confusions=confusions)


def _errors(outputs: Mapping[str, tuple[Tensor, Tensor]]) -> AnswersRecord:
    errors = {
        who: (answer - aligned(answer, targets)).flatten().double().numpy()
        for who, (answer, targets) in outputs.items()
    }
    together = np.concatenate(list(errors.values()))
    edges = np.histogram_bin_edges(together, _BINS)
    counts = {who: tuple(map(int, np.histogram(one, edges)[0])) for who, one in errors.items()}
    return AnswersRecord(error_edges=tuple(map(float, edges)), error_counts=counts)
