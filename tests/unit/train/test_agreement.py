"""Shapes and types that do not belong together are refused; those that do give the metric they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.errors import DataError, ModelError, UsageError
from edgeprune.project.file import project_from
from edgeprune.train.agreement import check_together
from edgeprune.train.evaluate import evaluate
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.objective import LOSSES, Objective, make_objective
from edgeprune.train.splits import Splits, make_splits

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(0, 1, (80, 6)).astype(np.float32)


def splits_of(targets: np.ndarray) -> Splits:
    return make_splits({"train": (INPUTS, targets)}, (6,))


def objective(loss: str, metric: str) -> Objective:
    return Objective(loss, LOSSES[loss], METRICS[metric])


class FirstIsPositive(nn.Module):
    """One logit, always right about the sign of the first input; off by a tenth as a value."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1]


def test_one_logit_is_right_where_its_sign_is() -> None:
    """Argmax over one output would call the share of class 0 accuracy."""
    targets = (INPUTS[:, 0] > 0).astype(np.int64)
    targets[:8] = 1 - targets[:8]
    splits = splits_of(targets)
    chosen = objective("bce", "accuracy")
    check_together(FirstIsPositive(), splits, chosen)
    right = sum(
        float(evaluate(FirstIsPositive(), part, chosen.metric)) * len(part)
        for part in (splits.train, splits.validation, splits.test)
    )
    assert right == pytest.approx(100 * 72, abs=1e-3)


def test_targets_without_their_axis_are_not_broadcast() -> None:
    """(N,) against (N, 1) would compare every target with every output."""
    targets = INPUTS[:, 0] + 0.58
    splits = splits_of(targets)
    check_together(FirstIsPositive(), splits, objective("mae", "mae"))
    assert evaluate(FirstIsPositive(), splits.test, METRICS["mae"]) == pytest.approx(0.58, abs=1e-5)
    whole = splits_of(np.round(INPUTS[:, 0] * 10).astype(np.int64))
    check_together(nn.Linear(6, 1), whole, objective("mae", "mae"))
    outputs, held = torch.zeros(4, 1), torch.tensor([1, 2, 3, 4])
    assert float(METRICS["mae"].score(outputs, held)) == 2.5
    assert float(LOSSES["mse"](outputs, held)) == 7.5


class FirstWithoutAxis(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


@pytest.mark.parametrize("targets", [INPUTS[:, 0] + 0.5, INPUTS[:, :1] + 0.5], ids=["(N,)", "(N, 1)"])
def test_one_value_a_sample_needs_no_axis(targets: np.ndarray) -> None:
    splits = splits_of(targets)
    check_together(FirstWithoutAxis(), splits, objective("mse", "mae"))
    assert evaluate(FirstWithoutAxis(), splits.test, METRICS["mae"]) == pytest.approx(0.5, abs=1e-5)
    yes = splits_of((targets > 0.5).astype(np.float32))
    check_together(FirstWithoutAxis(), yes, objective("bce", "accuracy"))
    assert evaluate(FirstWithoutAxis(), yes.test, METRICS["auc"]) == 100.0
    with pytest.raises(DataError, match="the model has one output"):
        check_together(FirstWithoutAxis(), splits_of(RNG.integers(0, 2, 80)), objective("cross_entropy", "accuracy"))


def test_a_loss_of_the_users_own_gets_targets_as_the_data_hold_them() -> None:
    seen = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append(tuple(targets.shape))
        return (outputs - targets).square().mean()

    check_together(FirstWithoutAxis(), splits_of(INPUTS[:, 1]), Objective("own", loss, METRICS["mae"]))
    assert seen == [(4,)]


def test_a_batch_size_in_the_code_is_named() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.GRUCell(6, 5), nn.Linear(5, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.cell(x, torch.zeros(1, 5)))  # type: ignore[no-any-return]

    with pytest.raises(
        ModelError, match=r"takes one sample, and fails on a batch of 4 at test_agreement\.py"
    ) as refused:
        check_together(Fixed(), splits_of(INPUTS[:, 0]), objective("mse", "mae"))
    assert "x.shape[0] follows" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("outputs", "targets", "loss", "metric", "words"),
    [
        (3, RNG.integers(0, 3, (80, 2)), "cross_entropy", "accuracy", r"are \(2,\) each, 3 classes over \(\)"),
        (1, RNG.integers(0, 2, 80), "cross_entropy", "accuracy", "one output, and one class is always right"),
        (3, RNG.integers(-1, 3, 80), "cross_entropy", "accuracy", "the lowest is -1, the model has 3 classes"),
        (2, RNG.normal(0, 1, 80), "mse", "mse", r"are \(\) each, the model gives \(2,\)"),
        (1, RNG.normal(0, 1, 80), "mse", "accuracy", "the threshold between yes and no is unknown"),
        (3, RNG.integers(0, 3, 80), "cross_entropy", "r2", r"are \(\) each, the model gives \(3,\): r2"),
        (1, RNG.normal(0, 1, (80, 3)), "mse", "r2", r"are \(3,\) each, the model gives \(1,\): mse"),
        (3, RNG.integers(0, 3, (80, 2)), "cross_entropy", "r2", r"are \(2,\) each, 3 classes over \(\)"),
        (1, RNG.integers(0, 3, 80), "bce", "accuracy", "run from 0 to 2, bce needs 0 to 1"),
        (2, RNG.integers(0, 2, (80, 3)), "bce", "accuracy", r"are \(3,\) each, the model gives \(2,\)"),
    ],
)
def test_what_does_not_belong_together(outputs: int, targets: np.ndarray, loss: str, metric: str, words: str) -> None:
    if targets.dtype.kind == "f":
        targets = targets.astype(np.float32)
    with pytest.raises(DataError, match=words) as caught:
        check_together(nn.Linear(6, outputs), splits_of(targets), objective(loss, metric))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return (outputs - targets).square()", r"outputs \(4, 1\) and targets \(4, 1\) is shape \(4, 1\)"),
        ("return torch.tensor(1.0)", "does not depend on the outputs"),
        ("return outputs.mean() * float('nan')", "is nan"),
        ("return outputs @ targets", "raised RuntimeError"),
    ],
)
def test_a_loss_of_the_users_own_is_tried_first(tmp_path: Path, body: str, words: str) -> None:
    (tmp_path / "own.py").write_text(f"import torch\n\n\ndef loss(outputs, targets):\n    {body}\n")
    tables = {
        "model": {"entry": "own:model", "input": [6], "name": "own"},
        "data": {"entry": "own:data"},
        "task": {"loss": "own.py:loss", "metric": "mae"},
    }
    chosen = make_objective(project_from(tables, tmp_path))
    with pytest.raises(DataError, match=words):
        check_together(nn.Linear(6, 1), splits_of(INPUTS[:, :1].copy()), chosen)


EACH_WITH_EVERY = [
    ("(outputs - targets).square().mean()", True),
    ("(torch.sigmoid(outputs) - targets.float()).abs().mean()", True),
    ("F.mse_loss(outputs, targets.float())", True),
    ("(outputs * 2).mul(targets).mean()", True),
    ("(outputs[:, 0] - targets).square().mean()", False),
    ("(outputs - targets.view_as(outputs)).square().mean()", False),
    ("(outputs - targets[:, None]).square().mean()", False),
    ("(outputs - outputs.T).square().mean() + (targets[:, None] - targets).float().square().mean()", False),
    ("F.mse_loss(outputs.squeeze(1), targets.float())", False),
    ("F.binary_cross_entropy_with_logits(outputs, targets.float()[:, None])", False),
]


@pytest.mark.parametrize(("computed", "is_refused"), EACH_WITH_EVERY)
@pytest.mark.parametrize("which", ["loss", "metric"])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_each_output_with_every_target_is_no_loss_and_no_metric(
    tmp_path: Path, computed: str, is_refused: bool, which: str
) -> None:
    """Whole numbers keep their shape (N,), so against one output each they broadcast to (N, N)."""
    text = (
        f"import torch\nfrom torch.nn import functional as F\n\n\ndef own(outputs, targets):\n    return {computed}\n"
    )
    (tmp_path / "own.py").write_text(text)
    chosen = of_task(tmp_path, loss="own.py:own", metric="own.py:own")
    if which == "metric":
        chosen = Objective("own.py:loss", lambda outputs, targets: outputs.mean(), chosen.metric)
    splits = splits_of(np.arange(len(INPUTS)) % 3)
    if not is_refused:
        check_together(nn.Linear(6, 1), splits, chosen)
        return
    with pytest.raises(
        DataError, match=rf"the {which} own.py:own compares outputs \(4, 1\) with targets \(4,\)"
    ) as caught:
        check_together(nn.Linear(6, 1), splits, chosen)
    assert "view_as" in str(caught.value.hint)


def test_targets_wider_than_the_outputs_are_refused_by_the_metric_where_the_loss_takes_them() -> None:
    own = Objective("own.py:first", lambda outputs, targets: (outputs - targets[:, :1]).square().mean(), METRICS["r2"])
    with pytest.raises(DataError, match=r"are \(3,\) each, the model gives \(1,\): r2"):
        check_together(nn.Linear(6, 1), splits_of(INPUTS[:, :3].copy()), own)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 1), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"one": self.one(x), "two": self.two(x)}


def test_losses_of_ours_take_one_tensor_and_the_users_own_what_the_network_returns() -> None:
    splits = splits_of(INPUTS[:, 0].copy())
    for loss, metric, what in (("mse", "own.py:metric", "loss 'mse'"), ("own.py:loss", "mae", "metric 'mae'")):
        own = Objective(loss, lambda outputs, _: outputs["one"].mean(), METRICS.get(metric) or Metric(metric, first))
        with pytest.raises(
            DataError, match=rf"returns a dict of \(1,\), \(3,\), the {what} takes one tensor"
        ) as caught:
            check_together(TwoHeads(), splits, own)
        assert "a function of (outputs, targets)" in str(caught.value.hint)
    check_together(TwoHeads(), splits, Objective("own.py:loss", first, Metric("own.py:metric", first)))


def first(outputs: dict[str, torch.Tensor], _targets: torch.Tensor) -> torch.Tensor:
    return outputs["one"].mean() + outputs["two"].mean()


def test_a_metric_of_the_users_own_gives_one_value() -> None:
    own = Objective("mse", LOSSES["mse"], Metric("own", lambda outputs, targets: outputs[:, 0]))
    with pytest.raises(DataError, match=r"the metric own of outputs \(4, 1\)"):
        check_together(nn.Linear(6, 1), splits_of(INPUTS[:, 0].copy()), own)


def of_task(tmp_path: Path, **task: object) -> Objective:
    tables = {"model": {"entry": "own:model", "input": [6]}, "data": {"entry": "own:data"}, "task": task}
    return make_objective(project_from(tables, tmp_path))


def test_class_weights_are_cross_entropys(tmp_path: Path) -> None:
    outputs, targets = torch.tensor([[2.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
    weighted = of_task(tmp_path, class_weights=[1.0, 3.0]).loss(outputs, targets)
    one, other = (nn.functional.cross_entropy(outputs[k : k + 1], targets[k : k + 1]) for k in (0, 1))
    torch.testing.assert_close(weighted, (one + 3 * other) / 4)
    with pytest.raises(UsageError, match="class_weights are of cross_entropy, the loss is mse"):
        of_task(tmp_path, loss="mse", metric="mse", class_weights=[1.0, 3.0])
    with pytest.raises(DataError, match="3 class_weights for 2 classes"):
        check_together(
            nn.Linear(6, 2), splits_of((INPUTS[:, 0] > 0).astype(int)), of_task(tmp_path, class_weights=[1] * 3)
        )


def test_places_of_the_ignored_label_count_neither_in_the_loss_nor_in_the_metric(tmp_path: Path) -> None:
    labels = (INPUTS[:, 0] > 0).astype(np.int64)
    labels[::2] = 255
    chosen, splits = of_task(tmp_path), splits_of(labels)
    with pytest.raises(DataError, match="the highest is 255"):
        check_together(nn.Linear(6, 2), splits, chosen)
    splits = splits.ignoring(255)
    check_together(nn.Linear(6, 2), splits, chosen)

    class Sure(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([-x[:, :1], x[:, :1]], 1)

    assert evaluate(Sure(), splits.train, chosen.metric) == 100


def test_the_likeliest_few_want_several_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="top3 is of several classes"):
        check_together(nn.Linear(6, 1), splits_of((INPUTS[:, 0] > 0).astype(int)), objective("bce", "top3"))


def test_targets_that_only_the_users_functions_see_may_be_all_the_same() -> None:
    """Data sets of inputs alone often carry a zero for a label."""
    own = objective("mse", "mse")
    own = replace(
        own,
        loss_name="own.py:loss",
        loss=lambda outputs, targets: outputs.square().mean(),
        metric=replace(own.metric, name="own.py:metric", score=lambda outputs, targets: -outputs.square().mean()),
    )
    check_together(nn.Linear(6, 1), make_splits({"train": (INPUTS, np.zeros(len(INPUTS)))}, (6,)), own)
