"""What a run keeps of right and wrong outputs: counted by hand beside it."""

from __future__ import annotations

import torch

from edgeprune.fitting.answers import answers_record
from edgeprune.train.metrics import METRICS, Metric


def test_cells_count_what_was_taken_for_what() -> None:
    outputs, labels = torch.eye(3)[[0, 1, 1, 2, 2]], torch.tensor([0, 1, 2, 2, -100])
    answers = answers_record(METRICS["accuracy"], ("ok", "<b>", "c"), {"int8": (outputs, labels)})
    assert answers is not None and answers.class_names == ("ok", "<b>", "c")
    cells = {(cell.true, cell.found): cell.samples for cell in answers.confusions["int8"]}
    assert cells == {(0, 0): 1, (1, 1): 1, (2, 1): 1, (2, 2): 1}


def test_one_logit_is_yes_or_no() -> None:
    outputs, labels = torch.tensor([[1.0], [-1.0], [2.0]]), torch.tensor([[1.0], [1.0], [0.0]])
    answers = answers_record(METRICS["accuracy"], (), {"int8": (outputs, labels)})
    assert answers is not None and answers.class_names == ("no", "yes")
    assert sum(cell.samples for cell in answers.confusions["int8"] if cell.true == cell.found) == 1


def test_errors_of_values_fall_in_the_same_bins_for_all() -> None:
    targets = torch.zeros(100, 2)
    outputs = {"float": (targets + 0.5, targets), "int8": (targets - 1.5, targets)}
    answers = answers_record(METRICS["mse"], (), outputs)
    assert answers is not None and answers.error_edges[0] == -1.5 and answers.error_edges[-1] == 0.5
    assert answers.error_counts["float"][-1] == 200 and answers.error_counts["int8"][0] == 200


def test_a_metric_of_the_users_own_goes_by_shapes() -> None:
    own = Metric("own", lambda outputs, targets: outputs.sum())
    assert answers_record(own, (), {"int8": ({"a": torch.zeros(1)}, torch.zeros(1))}) is None
    labels = answers_record(own, (), {"int8": (torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))})
    assert labels is not None and labels.confusions
    of_pixels = answers_record(own, (), {"int8": (torch.zeros(4, 3, 5, 6), torch.zeros(4, 5, 6, dtype=torch.long))})
    assert of_pixels is not None and sum(cell.samples for cell in of_pixels.confusions["int8"]) == 4 * 5 * 6
    assert answers_record(own, (), {"int8": (torch.zeros(4, 3), torch.zeros(4, 7, dtype=torch.long))}) is None
