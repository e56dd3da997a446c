"""Metrics and models that cannot be worked with say why."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from edgeprune.errors import DataError, ModelError
from edgeprune.train.evaluate import evaluate
from edgeprune.train.finetune import finetune
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import Splits, make_splits
from edgeprune.train.training_state import TrainSettings


@pytest.fixture
def splits() -> Splits:
    torch.manual_seed(0)
    return make_splits({"train": (torch.randn(300, 4), torch.randint(2, (300,)))}, (4,))


def test_a_metric_that_is_not_finite_is_reported(splits: Splits) -> None:
    metric = Metric("share", lambda outputs, targets: outputs.sum() / (targets < 0).sum().float() * 0)
    with pytest.raises(DataError, match="the metric 'share' gives nan for 24 samples"):
        evaluate(nn.Linear(4, 2), splits.validation, metric)


def test_a_frozen_backbone_stays_while_its_head_learns(splits: Splits) -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    module[0].requires_grad_(False)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    labels = (splits.train.inputs[:, 0] > 0).long()
    splits = replace(splits, train=replace(splits.train, targets=labels), validation=splits.train.take(64))
    splits = replace(splits, validation=replace(splits.validation, targets=labels[:64]))
    objective = Objective("cross_entropy", LOSSES["cross_entropy"], Metric("loss", LOSSES["cross_entropy"], False))
    finetune(module, splits, objective, TrainSettings(epochs=3, batch=32, optimizer="sgd"))
    after = list(module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before[:2], after[:2], strict=True))
    assert not torch.equal(before[2], after[2])


def test_a_model_with_nothing_to_train_is_reported(splits: Splits) -> None:
    module = nn.Linear(4, 2).requires_grad_(False)
    objective = Objective("cross_entropy", LOSSES["cross_entropy"], METRICS["accuracy"])
    with pytest.raises(ModelError, match="every parameter of the model is frozen"):
        finetune(module, splits, objective, TrainSettings(epochs=1, batch=32))
