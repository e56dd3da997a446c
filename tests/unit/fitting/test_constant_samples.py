"""Data that are all one and the same are named, unless nobody looks at them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.fitting.constant_samples import constant_inputs, constant_targets, refuse_constant
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import Splits, make_splits

INPUTS = np.random.default_rng(0).normal(0, 1, (80, 6)).astype(np.float32)
ZEROS, CLASSES = np.zeros(80, np.float32), np.zeros(80, np.int64)
ERROR = Objective("mse", LOSSES["mse"], METRICS["mae"])


def named(splits: Splits, objective: Objective = ERROR, outputs: int = 1) -> list[str]:
    return [*constant_inputs(splits), *constant_targets(nn.Linear(6, outputs), splits, objective)]


def of(inputs: np.ndarray, targets: np.ndarray) -> Splits:
    return make_splits({"train": (inputs, targets)}, (6,))


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (np.zeros_like(INPUTS), INPUTS[:, 0], r"all \d+ inputs of 'train' are the same, 0 throughout"),
        (np.tile(INPUTS[:1], (80, 1)), INPUTS[:, 0], r"all \d+ inputs of 'train' are the same: no network learns"),
        (INPUTS, np.full(80, 3.5, np.float32), r"all \d+ targets of 'train' are the same, 3.5 throughout"),
    ],
)
def test_samples_that_are_all_the_same_are_refused(inputs: np.ndarray, targets: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        refuse_constant(named(of(inputs, targets)))
    assert "look at what loads the data" in str(refused.value.hint)


@pytest.mark.parametrize("other", [0, 1499])
def test_one_sample_that_differs_is_enough(other: int) -> None:
    inputs, targets = torch.zeros(1500, 6), torch.zeros(1500, 1)
    inputs[other], targets[other] = 1, 1
    splits = of(INPUTS, INPUTS[:, 0])
    own = replace(splits.train, inputs=inputs, targets=targets)
    assert named(replace(splits, train=own)) == []


@pytest.mark.parametrize(("name", "what"), [("calibration", "inputs"), ("test", "targets")])
def test_other_splits_are_looked_at_too(name: str, what: str) -> None:
    splits = of(INPUTS, INPUTS[:, 0])
    split = getattr(splits, name)
    flat = replace(split, **{what: torch.ones_like(getattr(split, what))})
    (sentence,) = named(replace(splits, **{name: flat}))
    assert f"{what} of '{name}' are the same, 1 throughout" in sentence


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs[:, 0] - targets.reshape(len(targets), -1)[:, 0]) ** 2).mean()


def entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets.long())


def contrast(outputs: Tensor, targets: Tensor) -> Tensor:
    """Changes with no shift of the targets, only with their spread."""
    return (outputs[:, 0] * (targets - targets.mean())).mean()


def energy(outputs: Tensor, targets: Tensor) -> Tensor:
    assert len(outputs) == len(targets)
    return (outputs**2).mean()


def dithered(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs**2).mean() + torch.rand(())


@pytest.mark.parametrize(
    ("function", "targets", "looks"),
    [
        (squared, ZEROS, True),
        (entropy, CLASSES, True),
        (contrast, ZEROS, True),
        (energy, ZEROS, False),
        (energy, CLASSES, False),
        (dithered, ZEROS, False),
    ],
)
def test_a_loss_of_the_users_own_is_tried(function: object, targets: np.ndarray, looks: bool) -> None:
    own = Objective("loss.py:own", function, Metric("loss.py:score", energy))  # type: ignore[arg-type]
    assert bool(named(of(INPUTS, targets), own, 2)) == looks
    scored = Objective("loss.py:own", energy, Metric("loss.py:score", function))  # type: ignore[arg-type]
    assert bool(named(of(INPUTS, targets), scored, 2)) == looks
