from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.project.file import project_from
from edgeprune.train.augment import augmented
from edgeprune.train.evaluate import bn_reestimate, evaluate
from edgeprune.train.finetune import TrainHooks, TrainStep, finetune
from edgeprune.train.memory import fastest_order
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import Objective, make_objective
from edgeprune.train.optimizer import make_optimizer, optimizer_for
from edgeprune.train.splits import Splits, make_splits
from edgeprune.train.training_state import TrainSettings
from tests.pictures import bright_quarters

CLASSIFY = Objective("cross_entropy", nn.functional.cross_entropy, METRICS["accuracy"])
REGRESS = Objective("mse", nn.functional.mse_loss, METRICS["r2"])
SETTINGS = TrainSettings(epochs=3, batch=32, augment="crop")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip


@pytest.fixture(scope="module")
def splits() -> Splits:
    return bright_quarters(400, noise=60, spot=3, brightness=230)


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_learns_and_reports_every_step(optimizer: str, splits: Splits) -> None:
    module, seen = net(), list[TrainStep]()
    before = evaluate(module, splits.test, CLASSIFY.metric)
    result = finetune(module, splits, CLASSIFY, replace(SETTINGS, optimizer=optimizer), hooks=TrainHooks(seen.append))
    after = evaluate(module, splits.test, CLASSIFY.metric)
    assert before < 60 and after > 90
    assert not module.training
    assert [progress.step for progress in seen] == list(range(1, seen[-1].steps + 1))
    assert seen[-1].seconds_left == 0 and seen[-1].epoch == 3
    assert evaluate(module, splits.validation, CLASSIFY.metric) == result.best_validation
    assert result.best_validation == max(epoch.validation for epoch in result.epochs)


@pytest.mark.parametrize("augment", ["none", "crop"])
def test_a_student_learns_from_its_teacher_alone(augment: str, splits: Splits) -> None:
    teacher = net()
    finetune(teacher, splits, CLASSIFY, SETTINGS)
    student, of_nothing = net(), replace(CLASSIFY, loss=lambda outputs, targets: 0.0 * outputs.sum())
    finetune(student, splits, of_nothing, replace(SETTINGS, augment=augment), teacher=teacher)
    assert evaluate(student, splits.test, CLASSIFY.metric) > 90


class Killed(Exception):
    pass


def test_a_killed_run_ends_with_the_same_weights(splits: Splits, tmp_path: Path) -> None:
    whole = net()
    expected = finetune(whole, splits, CLASSIFY, SETTINGS)
    checkpoint = tmp_path / "state.pt"

    def kill(progress: TrainStep) -> None:
        if progress.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        finetune(net(), splits, CLASSIFY, SETTINGS, hooks=TrainHooks(kill, checkpoint=checkpoint))
    resumed, steps = net(), list[TrainStep]()
    result = finetune(resumed, splits, CLASSIFY, SETTINGS, hooks=TrainHooks(steps.append, checkpoint=checkpoint))
    assert steps[0].epoch == 3
    assert result == expected
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_checkpoint_of_other_settings_is_not_taken_up(splits: Splits, tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.pt"
    finetune(net(), splits, CLASSIFY, replace(SETTINGS, epochs=1), hooks=TrainHooks(checkpoint=checkpoint))
    steps = list[TrainStep]()
    finetune(
        net(),
        splits,
        CLASSIFY,
        replace(SETTINGS, epochs=1, seed=5),
        hooks=TrainHooks(steps.append, checkpoint=tmp_path / "state.pt"),
    )
    assert steps


def test_a_broken_checkpoint_is_reported(splits: Splits, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"cut off")
    with pytest.raises(ModelError, match="no training state"):
        finetune(net(), splits, CLASSIFY, SETTINGS, hooks=TrainHooks(checkpoint=tmp_path / "state.pt"))


def test_the_network_as_it_came_stays_when_training_only_hurts(splits: Splits) -> None:
    module = net()
    finetune(module, splits, CLASSIFY, SETTINGS)
    good = copy.deepcopy(module.state_dict())
    shuffled = replace(splits, train=replace(splits.train, targets=splits.train.targets.roll(1)))
    result = finetune(module, shuffled, CLASSIFY, replace(SETTINGS, epochs=1))
    assert result.best_epoch == 0
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in good.items())


def test_divergence_is_reported(splits: Splits) -> None:
    with pytest.raises(ModelError, match="the loss became") as caught:
        finetune(net(), splits, REGRESS_LIKE, replace(SETTINGS, optimizer="sgd", lr=1e30))
    assert "lr" in str(caught.value.hint)


def test_a_learning_rate_that_is_too_large_is_made_smaller(splits: Splits) -> None:
    """Without it the loss leaves the finite numbers, and the fit ended."""
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgeprune.train.training_state._SMALLER", 1e-12)
        result = finetune(
            net(), splits, CLASSIFY, replace(SETTINGS, optimizer="sgd", lr=1e10), hooks=TrainHooks(note=told.append)
        )
    assert "the loss became" in told[0] and "learning rate 0.01" in told[0] and len(told) == 1
    assert result.best_epoch > 0 and len(result.epochs) == SETTINGS.epochs


def test_a_training_that_only_hurts_is_begun_again_once_with_a_smaller_rate(splits: Splits) -> None:
    module, told = net(), list[str]()
    finetune(module, splits, CLASSIFY, SETTINGS)
    shuffled = replace(splits, train=replace(splits.train, targets=splits.train.targets.roll(1)))
    result = finetune(module, shuffled, CLASSIFY, replace(SETTINGS, epochs=2), hooks=TrainHooks(note=told.append))
    assert len(told) == 1 and "begun again, learning rate" in told[0] and len(result.epochs) == 2


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.norm, self.head = nn.Embedding(5, 8), nn.LayerNorm(8), nn.Linear(8, 2)


def test_attention_and_recurrence_are_trained_by_adamw_without_decay_of_norms_and_embeddings() -> None:
    module = Attending()
    assert (optimizer_for(module, "auto"), optimizer_for(net(), "auto")) == ("adamw", "muon")
    optimizer = make_optimizer(module, "adamw", 1e-3)
    assert isinstance(optimizer, torch.optim.AdamW)
    decayed = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
    assert decayed == {id(module.head.weight)}
    assert optimizer.param_groups[0]["weight_decay"] > 0 == optimizer.param_groups[1]["weight_decay"]


REGRESS_LIKE = Objective("own", lambda outputs, targets: outputs.square().mean(), METRICS["accuracy"])


def test_regression(tmp_path: Path) -> None:
    inputs = torch.randn(300, 6, generator=torch.Generator().manual_seed(0))
    splits = make_splits({"train": (inputs, inputs[:, :2].sum(1, keepdim=True) + 1)}, (6,))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    settings = TrainSettings(epochs=10, batch=32, lr=0.02)
    finetune(module, splits, REGRESS, settings, hooks=TrainHooks(checkpoint=tmp_path / "state.pt"))
    assert evaluate(module, splits.test, REGRESS.metric) > 90


def test_a_network_with_a_view_is_trained_too(splits: Splits) -> None:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.fc = nn.Conv2d(1, 4, 3, stride=2), nn.Linear(100, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(torch.relu(self.conv(x)).view(x.size(0), -1))

    for modules, expected in (((net(),), torch.channels_last), ((net(), Viewed()), torch.contiguous_format)):
        with fastest_order(splits.train, *modules) as order:
            assert order == expected
        assert all(value.is_contiguous() for module in modules for value in module.parameters())
    module = Viewed()
    finetune(module, splits, CLASSIFY, SETTINGS)
    bn_reestimate(module, splits.calibration)
    assert evaluate(module, splits.test, CLASSIFY.metric) > 80


@pytest.mark.parametrize(("channels", "stride", "order"), [(4, 2, "contiguous_format"), (8, 2, "channels_last")])
def test_a_kernel_that_breaks_its_memory_is_not_asked(channels: int, stride: int, order: str, splits: Splits) -> None:
    """PyTorch 2.13 on cores with AVX2 alone: training of the first ended in "corrupted double-linked list"."""
    torch.manual_seed(0)
    shortcut = nn.Conv2d(channels, 8, 1, stride=stride)
    module = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), shortcut, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with fastest_order(splits.train, module) as found:
        assert found is getattr(torch, order)
    finetune(module, splits, CLASSIFY, replace(SETTINGS, epochs=1))


def test_batch_norm_is_reestimated(splits: Splits) -> None:
    module = net()
    norm = module[1]
    assert isinstance(norm, nn.BatchNorm2d)
    bn_reestimate(module, splits.calibration)
    sums = module[0](splits.calibration.tensor())
    assert torch.allclose(norm.running_mean, sums.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(norm.running_var, sums.var((0, 2, 3)), rtol=0.1)
    assert norm.momentum == 0.1 and module.training


def test_augmentation_shifts_and_mirrors() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(64, 1, 9, 9, dtype=torch.uint8)
    image[:, 0, 4, 2] = 7
    assert augmented(image, "none", generator) is image
    for how, columns in (("crop", {0, 1, 2, 3, 4}), ("flip-crop", {0, 1, 2, 3, 4, 5, 6, 7, 8})):
        places = augmented(image, how, generator).nonzero()
        assert len(places) == 64
        assert set(places[:, 2].tolist()) == {2, 3, 4, 5, 6}
        assert set(places[:, 3].tolist()) <= columns and len(set(places[:, 3].tolist())) >= 5


def test_objectives_by_name_and_by_entry(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def worst(outputs, targets):\n    return -(outputs - targets).abs().max()\n")

    def objective(loss: str, metric: str) -> Objective:
        tables = {
            "model": {"entry": "m.py:b", "input": [3]},
            "data": {"path": "x"},
            "task": {"loss": loss, "metric": metric},
        }
        return make_objective(project_from(tables, tmp_path))

    own = objective("mae", "mine.py:worst").metric
    assert float(own.score(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 1.0]))) == -3
    assert objective("mse", "mae").metric.is_better(0.5, 0.6)
    assert objective("mse", "mae").metric.drop_points(0.5, 0.6) == pytest.approx(20)
    assert objective("cross_entropy", "accuracy").metric.drop_points(90, 88) == 2
    with pytest.raises(UsageError, match="no metric named 'accurracy'"):
        objective("mse", "accurracy")


def test_dropout_is_seeded_and_the_callers_generator_left_alone(splits: Splits) -> None:
    def trained() -> dict[str, torch.Tensor]:
        module = nn.Sequential(net(), nn.Dropout(0.5))
        torch.manual_seed(99)
        finetune(module, splits, CLASSIFY, replace(SETTINGS, epochs=1))
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(99)))
        return module.state_dict()

    first, second = trained(), trained()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_loss_that_rises_goes_back_and_tries_smaller(splits: Splits) -> None:
    start = net()
    finetune(start, splits, CLASSIFY, SETTINGS)
    before, notes = evaluate(start, splits.validation, CLASSIFY.metric), list[str]()
    wild = replace(SETTINGS, lr=3.0, optimizer="sgd")
    result = finetune(start, splits, CLASSIFY, wild, hooks=TrainHooks(note=notes.append))
    assert any("the loss rose from" in note and "learning rate 0.75" in note for note in notes), notes
    assert result.best_validation >= before
    assert all(epoch.loss < 4 for epoch in result.epochs)


def test_a_run_killed_behind_a_step_back_ends_with_the_same_weights(splits: Splits, tmp_path: Path) -> None:
    start = net()
    finetune(start, splits, CLASSIFY, SETTINGS)
    wild, begun = replace(SETTINGS, lr=10.0, optimizer="sgd"), copy.deepcopy(start.state_dict())
    expected, notes, whole = finetune(start, splits, CLASSIFY, wild), list[str](), copy.deepcopy(start.state_dict())

    def kill(progress: TrainStep) -> None:
        if progress.epoch == 3:
            raise Killed

    start.load_state_dict(begun)
    with pytest.raises(Killed):
        finetune(start, splits, CLASSIFY, wild, hooks=TrainHooks(kill, notes.append, checkpoint=tmp_path / "state.pt"))
    assert notes
    start.load_state_dict(begun)
    assert finetune(start, splits, CLASSIFY, wild, hooks=TrainHooks(checkpoint=tmp_path / "state.pt")) == expected
    assert all(torch.equal(value, whole[name]) for name, value in start.state_dict().items())
