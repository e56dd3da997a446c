"""A student's distance from its teacher, of one class a sample and of class maps."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from edgeprune.fitting.training import _constant_output
from edgeprune.train.distil import distillation_loss, label_weight
from edgeprune.train.metrics import IGNORED, METRICS
from edgeprune.train.objective import Objective

CLASSES = Objective("cross_entropy", functional.cross_entropy, METRICS["accuracy"])


def test_a_class_map_counts_as_its_places_do() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 6, 4, 5, 3).unbind(0)
    alike = [each.movedim(1, -1).reshape(-1, 4) for each in (student, teacher)]
    labels = torch.randint(0, 4, (6, 5, 3))
    wanted = distillation_loss(*alike, labels.flatten(), CLASSES, 2.0)
    assert distillation_loss(student, teacher, labels, CLASSES, 2.0) == pytest.approx(float(wanted), rel=1e-5)


def test_labels_pull_a_student_beyond_its_teacher_and_class_weights_count() -> None:
    teacher, labels = torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([1, 1])
    student = teacher.clone().requires_grad_()
    distillation_loss(student, teacher, labels, CLASSES, 2.0).backward()
    assert student.grad is not None and student.grad[0, 1] < 0 < student.grad[0, 0]
    weighted = Objective(
        "cross_entropy", lambda z, y: functional.cross_entropy(z, y, torch.tensor([1.0, 0.0])), METRICS["f1"]
    )
    ones = distillation_loss(teacher, teacher, torch.tensor([0, 1]), weighted, 2.0)
    assert float(ones) == pytest.approx(2 * float(functional.cross_entropy(teacher[:1], torch.tensor([0]))))


def test_the_best_constant_output_of_a_class_map_leaves_ignored_places_out() -> None:
    targets = torch.tensor([[[0, 1], [1, IGNORED]], [[1, 1], [IGNORED, IGNORED]]])
    constant = _constant_output(torch.randn(2, 3, 2, 2), targets, "cross_entropy")
    assert constant is not None and constant.shape == (2, 3, 2, 2)
    assert torch.allclose(constant.exp()[0, :, 0, 0], torch.tensor([0.2, 0.8, 0.0]), atol=1e-5)
    rows = _constant_output(torch.randn(6, 3), torch.tensor([0, 1, 1, 1, 1, IGNORED]), "cross_entropy")
    assert rows is not None and torch.allclose(rows[0], constant[0, :, 0, 0])


def test_labels_count_less_in_a_long_training() -> None:
    assert [label_weight(steps) for steps in (1, 100, 200, 2000)] == [2.0, 2.0, 1.0, 0.1]
