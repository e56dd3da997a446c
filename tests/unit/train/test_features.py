"""Distilling features: the similarity of samples, whatever the widths."""

import pytest
import torch
from torch import nn

from edgeprune.train.features import feature_loss_of, similarity_loss
from edgeprune.train.finetune import TrainHooks, finetune
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import make_splits
from edgeprune.train.training_state import TrainSettings

CLASSIFY = Objective("cross_entropy", nn.functional.cross_entropy, METRICS["accuracy"])


def test_the_loss_of_a_case_worked_out_by_hand():
    # teacher: two equal samples, rows (1, 1) / sqrt 2; student: two that have nothing in common, rows (1, 0), (0, 1)
    teacher, student = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]), torch.eye(2)[:, :, None]
    expected = (1 - 0.5**0.5) ** 2 + 0.5  # the same for both rows
    assert similarity_loss(student, teacher).item() == pytest.approx(expected)
    assert similarity_loss(3 * teacher[:, None], teacher).item() == pytest.approx(0)


def net(width: int) -> nn.Sequential:
    torch.manual_seed(width)
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 3),
    )  # fmt: skip


def test_the_last_features_of_each_size_are_compared():
    student, teacher, samples = net(3), net(8), torch.rand(5, 1, 9, 9)
    with feature_loss_of(student, teacher, samples[:1]) as feature_loss, torch.no_grad():
        student(samples), teacher(samples)
        found = feature_loss()
    mine, theirs = ([network[:end](samples) for end in (4, 8)] for network in (student, teacher))
    expected = [similarity_loss(one, other) for one, other in zip(mine, theirs, strict=True)]
    assert found.item() == pytest.approx(torch.stack(expected).mean().item())
    assert not any(layer._forward_pre_hooks for network in (student, teacher) for layer in network.modules())


def test_training_pays_for_unlikeness_by_its_weight():
    images = torch.rand(64, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    splits = make_splits({"train": (images, torch.arange(64) % 3)}, (1, 9, 9))
    teacher = net(8)

    def first_loss(weight: float) -> float:
        losses = list[float]()
        settings = TrainSettings(epochs=1, batch=32, similarity=weight)
        finetune(net(3), splits, CLASSIFY, settings, teacher, TrainHooks(lambda step: losses.append(step.loss)))
        return losses[0]

    nothing, once, twice = (first_loss(weight) for weight in (0.0, 1000.0, 2000.0))
    assert once > nothing
    assert twice - once == pytest.approx(once - nothing, rel=1e-3)


def test_a_student_of_other_width_comes_to_see_samples_as_its_teacher_does():
    spots = torch.zeros(64, 1, 9, 9)
    for index in range(64):
        spots[index, 0, index % 8, index // 8] = 1.0
    student, teacher = net(3), net(8)
    optimizer = torch.optim.Adam(student.parameters(), 0.01)
    seen = list[float]()
    with feature_loss_of(student, teacher, spots[:1]) as feature_loss:
        for _ in range(60):
            student(spots), teacher(spots)
            loss = feature_loss()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
    assert seen[-1] < seen[0] / 2
