"""`verify` states a share of right answers only of what can be one, and a run's figure is its own metric."""

from __future__ import annotations

import re

import numpy as np
import pytest

from edgeprune.tasks.score import score_of_file, score_of_run

LOGITS = np.array([[3, -1, 2], [0, 5, 1], [-4, -3, -2], [9, 0, 0]], np.int8)


def test_a_classifiers_labels_give_the_share_of_largest_outputs() -> None:
    score = score_of_file(LOGITS, 1, np.array([0, 1, 1, 0]))
    assert score.fields == {"metric": "accuracy", "score": 75.0, "accuracy": 75.0}
    assert score.words == "accuracy 75.00 % (y is the largest of 3 outputs)"
    assert score_of_file(LOGITS.reshape(4, 1, 1, 3), 1, np.array([[0], [1], [2], [0]])).value == 100.0


@pytest.mark.parametrize(
    ("first", "outputs", "labels", "why"),
    [
        (LOGITS[:, :1], 1, np.array([0, 1, 0, 0]), r"output is \(1,\), not one value for each class"),  # a value, a yes
        (np.zeros((4, 8, 8, 3)), 1, np.array([0, 1, 0, 0]), r"output is \(8, 8, 3\)"),  # a picture
        (np.zeros((4, 10, 4)), 1, np.array([0, 1, 0, 0]), r"output is \(10, 4\)"),  # boxes
        (LOGITS, 2, np.array([0, 1, 0, 0]), "the model has 2 outputs"),
        (LOGITS, 1, np.array([0.0, 1.0, 0.0, 0.0]), r"y is float64, \(\) a sample"),
        (LOGITS, 1, LOGITS, r"y is int8, \(3,\) a sample"),
        (LOGITS, 1, np.array(["a", "b", "a", "b"]), "y is <U1"),
        (LOGITS, 1, np.array([0, 1, 3, 0]), "y runs from 0 to 3, the output has 3 values"),
        (LOGITS, 1, np.array([0, -1, 2, 0]), "y runs from -1 to 2"),
    ],
)
def test_what_is_no_classifiers_answer_has_no_accuracy(
    first: np.ndarray, outputs: int, labels: np.ndarray, why: str
) -> None:
    score = score_of_file(first, outputs, labels)
    assert score.fields == {"metric": None, "score": None, "accuracy": None}
    assert re.search(why, score.words), score.words


def test_without_labels_nothing_is_said() -> None:
    assert score_of_file(LOGITS, 1, None).words == "" == score_of_run("accuracy", [LOGITS], None).words


def test_a_yes_or_no_is_judged_by_its_side_of_zero_not_by_its_only_place() -> None:
    """Argmax over one output is always 0: the share of noes, here 75 %."""
    score = score_of_run("accuracy", [np.array([[2.5], [-1], [-3], [0.5]], np.float32)], np.array([1, 0, 0, 0]))
    assert score.fields == {"metric": "accuracy", "score": 75.0, "accuracy": 75.0}
    wrong = score_of_run("accuracy", [np.array([[2.5], [1], [3], [0.5]], np.float32)], np.array([1, 0, 0, 0]))
    assert wrong.value == 25.0


def test_a_regressions_figure_is_its_error() -> None:
    score = score_of_run("mae", [np.array([[2.5], [-1.0]], np.float32)], np.array([2, -3]))
    assert score.fields == {"metric": "mae", "score": 1.25, "accuracy": None}
    assert score.words == "mae 1.25"


def test_one_value_without_an_axis_has_a_figure() -> None:
    assert score_of_run("mae", [np.array([2.5, -1.0], np.float32)], np.array([2.0, -3.0])).value == 1.25


def test_a_pictures_labels_are_held_place_by_place() -> None:
    """The device gives channels last, labels have one for each place."""
    labels = np.array([[[0, 1], [1, 0]]])
    score = score_of_run("accuracy", [np.eye(2, dtype=np.float32)[labels]], labels)
    assert score.words == "accuracy 100.00 %"


@pytest.mark.parametrize(
    ("metric", "outputs", "targets", "why"),
    [
        ("loss.py:mine", [LOGITS], np.zeros(4, np.int64), "the run's metric, loss.py:mine, is computed by `fit` alone"),
        ("map50", [LOGITS, LOGITS], np.zeros(4), "map50"),
        ("accuracy", [LOGITS], np.array([0, 1, 7, 0]), "the highest is 7"),
        ("mae", [LOGITS[:, :1]], np.zeros((4, 2)), "mae compares them one by one"),
        ("mae", [LOGITS[:, :1]], np.array(["a"] * 4), "targets are <U1"),
        ("auc", [LOGITS[:, :2]], np.zeros(4, np.int64), "auc of these 4 samples is nan"),
    ],
)
def test_targets_a_runs_metric_cannot_take_give_a_reason(
    metric: str, outputs: list[np.ndarray], targets: np.ndarray, why: str
) -> None:
    score = score_of_run(metric, outputs, targets)
    assert score.value is None
    assert why in score.words
