"""What targets beside replayed samples show: a run's own metric, or how often the label is a file's largest output.

A `.tflite` does not state what it computes. Of values, boxes or several outputs the place of the largest is no answer,
so no share is stated there, but the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod

import numpy as np

from edgeprune.errors import DataError
from edgeprune.ir import Tensor
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.samples import Samples, real_values
from edgeprune.tasks.subject import Subject
from edgeprune.units import score_text


@dataclass(frozen=True)
class Score:
    """A figure over the replayed samples.

    Attributes:
        metric: its name; None where there is no figure.
        value: in the metric's unit, percent for accuracy; None where there is no figure.
        words: the figure as people read it, or why there is none; empty without targets.
    """

    metric: str | None
    value: float | None
    words: str

    @staticmethod
    def missing(why: str) -> Score:
        return Score(None, None, f"no score: {why}" if why else "")

    @property
    def fields(self) -> dict[str, str | float | None]:
        """As `--json` has it."""
        accuracy = self.value if self.metric == "accuracy" else None
        return {"metric": self.metric, "score": self.value, "accuracy": accuracy}


def scored(subject: Subject | ProgramSubject, samples: Samples, rows: np.ndarray) -> Score:
    """Of what a device gave.

    Args:
        rows: (N, bytes) uint8, all outputs end to end.
    """
    outputs = samples.outputs_of(rows)
    if subject.record is None or subject.model is None:
        return score_of_file(outputs[0], len(outputs), samples.targets)
    graph = subject.model.graph
    ends = [graph.tensors[index] for index in graph.outputs]
    reals = [_of_one(end, real_values(end, values)) for end, values in zip(ends, outputs, strict=False)]
    return score_of_run(subject.record.accuracy.metric, reals, samples.targets)


def _of_one(end: Tensor, values: np.ndarray) -> np.ndarray:
    """(N, ...) without the model's batch of one."""
    return values[:, 0] if values.shape[1:] == end.shape and end.shape[:1] == (1,) else values


def score_of_file(first: np.ndarray, outputs: int, labels: np.ndarray | None) -> Score:
    """Of a model that does not state its task.

    Args:
        first: (N, ...), its first output as it gives it.
        outputs: how many it has.
        labels: (N,) or (N, 1), as they came; None without.
    """
    if labels is None:
        return Score.missing("")
    if outputs != 1:
        return Score.missing(f"the model has {outputs} outputs, and which of them y is for is not known")
    shape = first.shape[1:]
    classes = prod(shape)
    if classes < 2 or max(shape) != classes:
        return Score.missing(f"one sample's output is {tuple(shape)}, not one value for each class")
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(first),), (len(first), 1)):
        each = tuple(labels.shape[1:])
        return Score.missing(f"y is {labels.dtype}, {each} a sample, not one class label (an integer) a sample")
    flat = labels.reshape(-1)
    if flat.min() < 0 or flat.max() >= classes:
        return Score.missing(f"y runs from {flat.min()} to {flat.max()}, the output has {classes} values")
    percent = float(100 * (first.reshape(len(flat), -1).argmax(axis=1) == flat).mean())
    return Score("accuracy", percent, f"accuracy {percent:.2f} % (y is the largest of {classes} outputs)")


def score_of_run(metric: str, outputs: Sequence[np.ndarray], targets: np.ndarray | None) -> Score:
    """By the metric that the run was judged by, where that is one of ours.

    Args:
        outputs: (N, ..., C) each, real values; (N,) of one value without an axis.
        targets: (N, ...), as they came; None without.
    """
    if targets is None:
        return Score.missing("")
    import torch

    from edgeprune.export.tflite import channels_first
    from edgeprune.train.agreement import check_metric_targets
    from edgeprune.train.metrics import METRICS, Compares

    chosen = METRICS.get(metric)
    if chosen is None or chosen.compares is Compares.OBJECTS or len(outputs) != 1:
        return Score.missing(f"the run's metric, {metric}, is computed by `fit` alone")
    if targets.dtype.kind not in "iuf":
        return Score.missing(f"targets are {targets.dtype}")
    given = torch.from_numpy(np.ascontiguousarray(channels_first(outputs[0]), np.float32))
    wanted = torch.from_numpy(np.ascontiguousarray(targets, np.float32 if targets.dtype.kind == "f" else np.int64))
    try:
        check_metric_targets(chosen, wanted, given)
    except DataError as unsuited:
        return Score.missing(unsuited.message)
    value = float(chosen.score(given, wanted))
    if not isfinite(value):
        return Score.missing(f"{metric} of these {len(wanted)} samples is {value:g}")
    return Score(metric, value, f"{metric} {score_text(value)}{' %' if metric == 'accuracy' else ''}")
