"""Targets in a dict or a tuple reach the user's loss and metric as the data held them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from edgeprune.errors import DataError
from edgeprune.train.agreement import check_together
from edgeprune.train.evaluate import evaluate
from edgeprune.train.finetune import finetune
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.objective import LOSSES, Objective, taking
from edgeprune.train.splits import make_splits
from edgeprune.train.training_state import TrainSettings

COUNT = 200


def given(named: bool) -> tuple[np.ndarray, Any]:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(COUNT, 6)).astype(np.float32)
    targets = {"label": (inputs[:, 0] > 0).astype(np.int64), "box": inputs[:, 1:5].reshape(COUNT, 2, 2)}
    return inputs, targets if named else tuple(targets.values())


INPUTS, _ = given(named=True)


class Pairs(Dataset[Any]):
    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        inputs, targets = given(named=True)
        return inputs[index], {name: part[index] for name, part in targets.items()}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.label, self.box = nn.Linear(6, 2), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"label": self.label(x), "box": self.box(x).reshape(-1, 2, 2)}


def loss(outputs: dict[str, Tensor], targets: Any) -> Tensor:
    label, box = targets.values() if isinstance(targets, dict) else targets
    assert label.dtype is torch.int64 and box.shape[1:] == (2, 2)
    return functional.cross_entropy(outputs["label"], label) + functional.mse_loss(outputs["box"], box)


def right(outputs: dict[str, Tensor], targets: Any) -> Tensor:
    label = targets["label"] if isinstance(targets, dict) else targets[0]
    return 100.0 * (outputs["label"].argmax(1) == label).float().mean()


@pytest.mark.parametrize("data", [given(True), given(False), Pairs()])
def test_a_network_is_trained_and_judged_by_several_targets(data: Any) -> None:
    torch.manual_seed(0)
    splits = make_splits({"train": data}, (6,))
    objective = taking(Objective("loss", loss, Metric("right", right)), splits.form)
    module = Net()
    check_together(module, splits, objective)
    before = evaluate(module, splits.test, objective.metric)
    finetune(module, splits, objective, TrainSettings(epochs=8, batch=16, lr=0.05, optimizer="sgd"))
    assert evaluate(module, splits.test, objective.metric) > max(before, 85.0)


def test_what_takes_one_target_is_refused() -> None:
    splits = make_splits({"train": given(True)}, (6,))
    for objective in (
        Objective("cross_entropy", LOSSES["cross_entropy"], Metric("right", right)),
        Objective("loss", loss, METRICS["accuracy"]),
    ):
        with pytest.raises(DataError, match=r"the targets are a dict of label, box, the (loss|metric) "):
            taking(objective, splits.form)
    one = Objective("loss", loss, Metric("right", right))
    assert taking(one, None) is one


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ({"train": given(True), "test": given(False)}, "different forms"),
        (
            {"train": (INPUTS, {"label": np.arange(COUNT), "box": np.ones((3, 4))})},
            r"are \(200,\), \(3, 4\)",
        ),
        ({"train": (INPUTS, {"label": np.full(COUNT, 1 << 30)})}, "hold 1,073,741,824"),
    ],
)
def test_targets_that_do_not_suit_each_other_are_named(splits: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        make_splits(splits, (6,))
