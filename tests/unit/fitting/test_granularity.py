"""Masks of a granularity: found once, held while training."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import torch
from torch import nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.fitting.granularity import GRANULARITIES, zeros
from edgeprune.prune import masks
from edgeprune.train.finetune import TrainHooks, finetune
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective
from edgeprune.train.splits import make_splits
from edgeprune.train.training_state import TrainSettings


def large_weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {"0.weight": module.get_parameter("0.weight").abs() > 0.2}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def test_masked_weights_stay_zero_while_the_others_learn() -> None:
    module, inputs = net(), torch.randn(256, 4)
    splits = make_splits({"train": (inputs, (inputs.sum(1) > 0).long())}, (4,))
    before = module.get_parameter("0.weight").detach().clone()
    gone = before.abs() <= 0.2
    hold = zeros(module, large_weights(module))
    assert 0 < gone.sum() < gone.numel() and torch.equal(module.get_parameter("0.weight") == 0, gone)
    objective = Objective("cross_entropy", nn.functional.cross_entropy, METRICS["accuracy"])
    result = finetune(module, splits, objective, TrainSettings(epochs=4, batch=32), hooks=TrainHooks(hold=hold))
    after = module.get_parameter("0.weight")
    assert result.best_epoch > 0
    assert torch.equal(after == 0, gone) and not torch.equal(after[~gone], before[~gone])


def test_zeros_of_a_masked_network_are_held_again_and_those_of_others_are_not() -> None:
    module = net()
    zeros(module, large_weights(module))
    zero = module.get_parameter("0.weight") == 0
    hold = GRANULARITIES.find("weights").again(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
    hold()
    assert torch.equal(module.get_parameter("0.weight") == 0, zero)
    with torch.no_grad():
        module.get_parameter("2.weight").zero_()
    hold = GRANULARITIES.find("channels").again(module)
    with torch.no_grad():
        module.get_parameter("2.weight").add_(1.0)
    hold()
    assert (module.get_parameter("2.weight") == 1).all()


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"mask of '0.weight', \(4, 8\)"):
        zeros(net(), {"0.weight": torch.ones(4, 8, dtype=torch.bool)})


def test_an_unknown_name_is_reported_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no granularity is called 'chanels'") as problem:
        GRANULARITIES.find("chanels")
    assert "channels" in str(problem.value.hint)


def test_every_way_to_mask_weights_is_a_granularity() -> None:
    names = [one.name for one in pkgutil.iter_modules(masks.__path__)]
    scored = {name for name in names if hasattr(importlib.import_module(f"{masks.__name__}.{name}"), name)}
    assert len(scored) >= 5 and scored <= set(GRANULARITIES.all())
