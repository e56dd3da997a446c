"""Each metric against scikit-learn's, and labels that count nowhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn import metrics as known

from edgeprune.train.metrics import IGNORED, METRICS

RNG = np.random.default_rng(3)
LOGITS = torch.tensor(RNG.normal(size=(200, 4)), dtype=torch.float32)
LABELS = torch.tensor(RNG.integers(0, 4, 200))
LABELS[LABELS == 3] = 0  # one class has no samples
ONE = torch.tensor(RNG.normal(size=(200, 1)), dtype=torch.float32)
YES = torch.tensor(RNG.integers(0, 2, 200))
SEVERAL = torch.tensor(RNG.integers(0, 2, (200, 4)), dtype=torch.float32)
Known = Callable[[np.ndarray, np.ndarray], float]


def found(name: str, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return float(METRICS[name].score(outputs, targets))


OF_CLASSES: dict[str, Known] = {
    "accuracy": lambda y, z: known.accuracy_score(y, z.argmax(1)),
    "balanced_accuracy": lambda y, z: known.balanced_accuracy_score(y, z.argmax(1)),
    "top3": lambda y, z: known.top_k_accuracy_score(y, z, k=3, labels=range(4)),
    "f1": lambda y, z: known.f1_score(y, z.argmax(1), average="macro"),
    "miou": lambda y, z: known.jaccard_score(y, z.argmax(1), average="macro"),
    "auc": lambda y, z: np.mean(
        [known.roc_auc_score(y == k, torch.tensor(z).softmax(1)[:, k]) for k in range(3)]
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", OF_CLASSES)
def test_of_several_classes(name: str) -> None:
    expected = 100 * OF_CLASSES[name](LABELS.numpy(), LOGITS.numpy())
    assert found(name, LOGITS, LABELS) == pytest.approx(expected, abs=1e-4)


OF_YES: dict[str, Known] = {
    "accuracy": lambda y, z: known.accuracy_score(y, z > 0),
    "balanced_accuracy": lambda y, z: known.balanced_accuracy_score(y, z > 0),
    "f1": lambda y, z: known.f1_score(y, z > 0),
    "auc": lambda y, z: known.roc_auc_score(y, z),
}


@pytest.mark.parametrize("name", OF_YES)
def test_of_one_logit_and_of_several_labels(name: str) -> None:
    expected = 100 * OF_YES[name](YES.numpy(), ONE[:, 0].numpy())
    assert found(name, ONE, YES) == pytest.approx(expected, abs=1e-4)
    each = [100 * OF_YES[name](SEVERAL[:, k].numpy(), LOGITS[:, k].numpy()) for k in range(4)]
    assert found(name, LOGITS, SEVERAL) == pytest.approx(np.mean(each), abs=1e-4)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_ignored_labels_count_nowhere(name: str) -> None:
    images, labels = LOGITS.reshape(2, 10, 10, 4).movedim(-1, 1), LABELS.reshape(2, 10, 10).clone()
    labels[:, 5:] = IGNORED
    kept = images[:, :, :5].movedim(1, -1).reshape(-1, 4)
    assert found(name, images, labels) == pytest.approx(found(name, kept, labels[:, :5].flatten()), abs=1e-4)


def test_of_values() -> None:
    outputs, targets = LOGITS, LOGITS + 0.1
    assert found("mae", outputs, targets) == pytest.approx(0.1, abs=1e-5)
    assert found("mse", outputs, targets) == pytest.approx(0.01, abs=1e-5)
    power = float(targets.square().mean())
    assert found("sqnr", outputs, targets) == pytest.approx(10 * np.log10(power / 0.01), abs=1e-3)
    assert found("r2", outputs, targets) == pytest.approx(
        100 * known.r2_score(targets.flatten(), outputs.flatten()), abs=0.1
    )


def test_an_area_without_samples_of_both_kinds_is_no_number() -> None:
    assert np.isnan(found("auc", ONE, torch.ones(200)))


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_an_error_of_next_to_none_is_not_what_growth_is_percent_of(name: str) -> None:
    """An exact original through 8-bit outputs of 30 dB stays within a doubling; one that is as bad as their mean, or
    has a real error to grow from, is judged by that."""
    targets = torch.tensor(RNG.normal(3, 2, size=(500, 3)), dtype=torch.float32)
    metric = METRICS[name].judging(targets)
    step = 10.0 ** (-30 / 20) * 2 * 12**0.5
    rounded = (targets / step).round() * step
    assert found("sqnr", rounded - 3, targets - 3) == pytest.approx(30, abs=0.5)
    for exact in (0.0, 1e-12, 1e-6):
        assert 5 < metric.drop_points(exact, found(name, rounded, targets)) < 100
        assert metric.drop_points(exact, exact) == 0
        assert metric.drop_points(exact, found(name, targets.mean(0).expand(500, 3), targets)) > 500
    real = 2 * metric.least_error
    assert metric.counted_error(real) == real and metric.drop_points(real, 1.2 * real) == pytest.approx(20)
    nearly = targets + 0.1 * (targets.mean(0) - targets)
    assert found("r2", nearly, targets) == pytest.approx(99, abs=1e-3)
    assert metric.least_error == pytest.approx(found(name, nearly, targets), rel=1e-4)


def test_what_is_judged_by_its_own_points_is_left() -> None:
    assert METRICS["r2"].judging(LABELS) is METRICS["r2"]
