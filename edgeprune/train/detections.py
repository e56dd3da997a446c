"""Mean average precision of boxes at an overlap of one half.

Everingham et al., "The Pascal Visual Object Classes Challenge: A Retrospective", IJCV 2015: a box is right where it
covers an object of its class by an intersection over union of at least 0.5 and no surer box has it already; the area
under the precision made monotone is averaged over the classes that have objects. Boxes of one class that overlap by
more than a half are taken as one, the surest.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeprune.errors import DataError
from edgeprune.model.answers import Answer

_OVERLAP = 0.5
_MOST_A_CLASS = 100  # boxes of an image, the surest
_HINT = (
    'return {"boxes": (N, K, 4), "scores": (N, K, classes)} with corners x1, y1, x2, y2; targets are (N, M, 5): class, '
    "corners, class -1 where there is no object; or write a metric of your own"
)

Floats = NDArray[np.float64]


def boxes_and_scores(outputs: Answer) -> tuple[Tensor, Tensor]:
    """(N, K, 4) and (N, K, classes) of what a detector returns, a mapping with these names or a pair.

    Raises:
        DataError: it returns something else.
    """
    given: list[object] = [outputs.get("boxes"), outputs.get("scores")] if isinstance(outputs, Mapping) else []
    if isinstance(outputs, tuple | list):
        given = list(outputs)
    parts = [part for part in given if isinstance(part, Tensor) and part.ndim == 3]
    if len(given) == len(parts) == 2 and parts[0].shape[2] == 4 and parts[0].shape[1] == parts[1].shape[1]:
        return parts[0], parts[1]
    raise DataError("map50 does not see boxes and scores in what the model returns", hint=_HINT)


def check_objects(name: str, targets: Tensor, classes: int) -> None:
    """Raises DataError where targets are not rows of a class and a box."""
    if targets.ndim != 3 or targets.shape[2] != 5 or bool((targets[..., 0] >= classes).any()):
        raise DataError(
            f"targets of '{name}' are {tuple(targets.shape[1:])} each, map50 wants (objects, 5) of {classes} classes",
            hint=_HINT,
        )


def map50(outputs: Answer, targets: Tensor) -> Tensor:
    """In percent."""
    boxes, scores = (part.double().numpy() for part in boxes_and_scores(outputs))
    objects = targets.double().numpy()
    areas = [_average_precision(boxes, scores[:, :, k], objects, k) for k in range(scores.shape[2])]
    known = [area for area in areas if area is not None]
    return torch.tensor(100.0 * sum(known) / len(known) if known else torch.nan)


def _average_precision(boxes: Floats, scores: Floats, objects: Floats, number: int) -> float | None:
    """Of one class; None where it has no objects."""
    sure, right, count = list[float](), list[bool](), 0
    for own, confidence, rows in zip(boxes, scores, objects, strict=True):
        wanted = rows[rows[:, 0] == number, 1:]
        count += len(wanted)
        taken: set[int] = set()
        for index in _apart(own, confidence):
            overlaps = _overlaps(own[index], wanted)
            best = int(overlaps.argmax()) if len(wanted) else -1
            hit = best >= 0 and overlaps[best] >= _OVERLAP and best not in taken
            taken |= {best} if hit else set()
            sure.append(float(confidence[index]))
            right.append(hit)
    if count == 0:
        return None
    order = np.argsort(-np.array(sure), kind="stable")
    hits = np.cumsum(np.array(right, float)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(hits, prepend=0.0) * precision).sum() / count)


def _apart(boxes: Floats, confidence: Floats) -> list[int]:
    """The surest boxes that do not cover each other, in order."""
    kept: list[int] = []
    for index in np.argsort(-confidence, kind="stable")[:_MOST_A_CLASS]:
        if not kept or _overlaps(boxes[index], boxes[kept]).max() <= _OVERLAP:
            kept.append(int(index))
    return kept


def _overlaps(box: Floats, others: Floats) -> Floats:
    """Intersection over union of a box with each of (n, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), axis=1)
    areas = np.prod(np.clip(others[:, 2:] - others[:, :2], 0.0, None), axis=1)
    own = float(np.prod(np.clip(box[2:] - box[:2], 0.0, None)))
    overlaps: Floats = common / np.maximum(own + areas - common, 1e-12)
    return overlaps
