"""Mean average precision: cases worked out by hand, and random ones against an implementation that shares no code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.train.agreement import check_together
from edgeprune.train.detections import map50
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import make_splits

FIRST, SECOND, FAR = [0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0], [8.0, 8.0, 9.0, 9.0]


def score(boxes: list[list[float]], scores: list[float], objects: list[list[float]]) -> float:
    """Of one image and one class; boxes and objects that are missing are far away and of no class."""
    outputs = {"boxes": torch.tensor([boxes]), "scores": torch.tensor([scores])[..., None]}
    return float(map50(outputs, torch.tensor([[[0.0, *one] for one in objects] + [[-1.0, 0, 0, 0, 0]]])))


def test_cases_worked_out_by_hand() -> None:
    assert score([FIRST, SECOND], [0.9, 0.8], [FIRST, SECOND]) == 100
    assert score([FIRST, FAR], [0.9, 0.8], [FIRST, SECOND]) == 50  # one of two is found, at full precision
    assert score([FAR, FIRST], [0.9, 0.8], [FIRST]) == 50  # a surer box is wrong
    assert score([FIRST, FAR], [0.9, 0.8], [FIRST]) == 100  # the wrong one comes after all are found
    assert score([FIRST, [0.0, 0.0, 1.0, 0.9]], [0.9, 0.8], [FIRST]) == 100  # taken as one
    assert score([[0.0, 0.0, 1.0, 0.51]], [0.9], [FIRST]) == 100
    assert score([[0.0, 0.0, 1.0, 0.49]], [0.9], [FIRST]) == 0
    assert score([[1.0, 1.0, 0.0, 0.0]], [0.9], [FIRST]) == 0  # corners the wrong way round cover nothing


def reference(boxes: np.ndarray, scores: np.ndarray, objects: np.ndarray) -> float:
    def overlap(a: Any, b: Any) -> float:
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        common = max(width, 0) * max(height, 0)
        return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)

    areas = []
    for number in range(scores.shape[2]):
        found = []
        for image in range(len(boxes)):
            left = sorted(range(boxes.shape[1]), key=lambda k: -scores[image, k, number])
            while left:
                first = left.pop(0)
                found.append((scores[image, first, number], image, first))
                left = [k for k in left if overlap(boxes[image, first], boxes[image, k]) <= 0.5]
        open_ones = {(i, m) for i in range(len(objects)) for m in range(objects.shape[1]) if objects[i, m, 0] == number}
        total, points, hits = len(open_ones), [], 0
        for rank, (_, image, k) in enumerate(sorted(found, reverse=True), 1):
            mine = [m for m in range(objects.shape[1]) if objects[image, m, 0] == number]
            best = max(mine, key=lambda m: overlap(boxes[image, k], objects[image, m, 1:]), default=None)
            if (
                best is not None
                and (image, best) in open_ones
                and overlap(boxes[image, k], objects[image, best, 1:]) >= 0.5
            ):
                open_ones.remove((image, best))
                hits += 1
            points.append((hits / total, hits / rank) if total else (0.0, 0.0))
        if total:
            recalls = sorted({recall for recall, _ in points if recall > 0})
            steps = zip([0.0, *recalls], recalls, strict=False)
            areas.append(sum((b - a) * max(p for r, p in points if r >= b) for a, b in steps))
    return 100 * float(np.mean(areas))


@pytest.mark.parametrize("seed", range(8))
def test_random_detections_against_the_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 3, (6, 12, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.5, 1.5, low.shape)], 2)
    objects = np.concatenate([rng.integers(-1, 3, (6, 5, 1)), boxes[:, :5] + rng.normal(0, 0.15, (6, 5, 4))], 2)
    scores = rng.uniform(0, 1, (6, 12, 3))
    got = float(map50((torch.tensor(boxes), torch.tensor(scores)), torch.tensor(objects)))
    assert got == pytest.approx(reference(boxes, scores, objects))
    assert 0 < got < 100


class Detector(nn.Module):
    def __init__(self, key: str = "boxes"):
        super().__init__()
        self.key = key

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {self.key: x[:, :8].reshape(-1, 2, 4), "scores": x[:, 8:].reshape(-1, 2, 2)}


def loss(outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
    return (outputs["boxes"] - targets[:, :2, 1:]).square().mean() + outputs["scores"].square().mean()


def test_what_is_no_detection_is_refused_before_any_work() -> None:
    rng = np.random.default_rng(0)
    inputs, objects = rng.normal(size=(60, 12)).astype(np.float32), rng.uniform(0, 1, (60, 2, 5)).astype(np.float32)
    objects[:, :, 0] = 1
    chosen = Objective("loss", loss, METRICS["map50"])
    check_together(Detector(), make_splits({"train": (inputs, objects)}, (12,)), chosen)
    with pytest.raises(DataError, match="does not see boxes and scores"):
        check_together(Detector("corners"), make_splits({"train": (inputs, objects)}, (12,)), chosen)
    with pytest.raises(DataError, match=r"\(objects, 5\) of 2 classes"):
        check_together(Detector(), make_splits({"train": (inputs, objects[:, :, 1:])}, (12,)), chosen)
