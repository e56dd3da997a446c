"""The training loop: one-cycle learning rate, distillation from the original, best epoch kept, resumable."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.answers import Answer, mapped
from edgeprune.train.augment import augmented
from edgeprune.train.distil import distillation_loss, label_weight
from edgeprune.train.evaluate import evaluate, outputs_of
from edgeprune.train.features import feature_loss_of
from edgeprune.train.machine import device_of, reduced_precision, training_device
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.objective import Objective
from edgeprune.train.splits import Split, Splits
from edgeprune.train.training_state import EpochResult, TrainingState, TrainSettings

_WARM_UP = 0.3  # share of the steps before the learning rate's peak


@dataclass(frozen=True)
class TrainStep:
    """After each step. validation: of the last whole epoch, None before there is one."""

    epoch: int
    step: int
    steps: int
    loss: float
    seconds_left: float
    validation: float | None


@dataclass(frozen=True)
class TrainResult:
    """best_epoch counts from 1; 0 means the network was best before training and stays."""

    epochs: tuple[EpochResult, ...]
    best_epoch: int
    best_validation: float


@dataclass(frozen=True, eq=False)
class TrainHooks:
    """What goes on beside a training.

    Attributes:
        on_step: called after every step.
        note: told in words what a step back was for.
        hold: called after every step, to restore what training must not change (masked weights).
        checkpoint: written after every epoch, read when it is there: a killed run goes on after its last whole epoch
            and ends with the same weights. One file belongs to one module, teacher and settings.
    """

    on_step: Callable[[TrainStep], None] = lambda step: None
    note: Callable[[str], None] = lambda text: None
    hold: Callable[[], None] = lambda: None
    checkpoint: Path | None = None


NO_HOOKS = TrainHooks()


def finetune(
    module: nn.Module,
    splits: Splits,
    objective: Objective,
    settings: TrainSettings,
    teacher: nn.Module | None = None,
    hooks: TrainHooks = NO_HOOKS,
) -> TrainResult:
    """Trains in place; the module ends in evaluation mode with the weights of its best epoch on validation.

    Where the loss rises to a multiple of what it began with, or leaves the finite numbers, training goes back to the
    best weights so far with a quarter of the learning rate, three times at most; once more where no epoch came near the
    validation it began with.

    Args:
        module: float32, on the CPU; it comes back there.
        teacher: the original to distil from; None trains on the targets alone.

    Raises:
        ModelError: the loss is no longer finite, however small the learning rate.
    """
    device = training_device(settings.device)
    moved = [module] if teacher is None else [module, teacher]
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(settings.seed)  # for dropout; batches and augmentation have a generator of their own
        try:
            for network in moved:
                network.to(device)
            return _finetune(module, splits, objective, settings, teacher, hooks)
        finally:
            for network in moved:
                network.to("cpu")


def _finetune(
    module: nn.Module,
    splits: Splits,
    objective: Objective,
    settings: TrainSettings,
    teacher: nn.Module | None,
    hooks: TrainHooks,
) -> TrainResult:
    run = TrainingState(module, splits, objective, settings)
    if hooks.checkpoint is not None and hooks.checkpoint.is_file():
        run.restore(hooks.checkpoint)
    if teacher is not None:
        teacher.eval()
    matches_features = teacher is not None and settings.similarity > 0
    # Without augmentation the teacher's outputs are the same in every epoch.
    is_known = teacher is not None and settings.augment == "none" and not matches_features
    known = outputs_of(teacher, splits.train) if teacher is not None and is_known else None

    def epoch() -> tuple[float, float]:
        """Mean loss, and the metric on validation."""
        with ExitStack() as stack:
            order = stack.enter_context(fastest_order(splits.train, module, *([] if teacher is None else [teacher])))
            feature_loss = None
            if teacher is not None and matches_features:
                sample = arranged(splits.train.take(1).tensor(), order).to(device_of(module))
                feature_loss = stack.enter_context(feature_loss_of(module, teacher, sample))
            distilled = None if teacher is None else _Teacher(teacher, known, feature_loss)
            loss = _epoch(run, splits.train, order, distilled, hooks)
        return loss, evaluate(module, splits.validation, objective.metric)

    while len(run.history) < settings.epochs:
        try:
            run.close_epoch(*epoch())
        except ModelError as diverged:  # the loss, or the outputs on validation, are not finite
            run.go_back(diverged, hooks.note)
        if run.is_spoiled:
            run.begin_again(hooks.note)
        if hooks.checkpoint is not None:
            run.save(hooks.checkpoint)
    module.load_state_dict(run.best_state)
    module.eval()
    return TrainResult(tuple(run.history), run.best_epoch, run.best_validation)


@dataclass(frozen=True, eq=False)
class _Teacher:
    """known: its outputs for all training samples, where they never change; feature_loss: after both have run."""

    module: nn.Module
    known: Answer | None
    feature_loss: Callable[[], Tensor] | None

    def outputs(self, samples: Tensor, index: Tensor) -> Answer:
        """For a batch, and its places in the training split."""
        if self.known is not None:
            return mapped(lambda part: part[index].to(samples.device), self.known)
        with torch.no_grad():
            return mapped(Tensor.float, self.module(samples))


def _epoch(
    run: TrainingState,
    train: Split,
    order: torch.memory_format,
    teacher: _Teacher | None,
    hooks: TrainHooks,
) -> float:
    """One pass over the training split; returns its mean loss."""
    device = device_of(run.module)
    run.module.train()
    shuffled = torch.randperm(len(train), generator=run.generator)
    total = 0.0
    for number in range(run.steps_per_epoch):
        index = shuffled[number * run.settings.batch : (number + 1) * run.settings.batch]
        stored = augmented(train.inputs[index], run.settings.augment, run.generator)
        samples, targets = arranged(train.real(stored), order).to(device), train.targets[index].to(device)
        step = len(run.history) * run.steps_per_epoch + number
        for group in run.optimizer.param_groups:
            group["lr"] = run.lr * _one_cycle(step / run.steps)
        with reduced_precision(device):
            outputs = mapped(Tensor.float, run.module(samples))
            if teacher is None:
                loss = run.objective.loss(outputs, targets)
            else:
                wanted = teacher.outputs(samples, index)
                loss = distillation_loss(outputs, wanted, targets, run.objective, label_weight(run.steps))
            if teacher is not None and teacher.feature_loss is not None:
                loss = loss + run.settings.similarity * teacher.feature_loss()
        value = loss.item()
        run.watch(value, step)
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        hooks.hold()
        total += value
        run.steps_done_here += 1
        hooks.on_step(_progress(run, step + 1, value))
    return total / run.steps_per_epoch


def _progress(run: TrainingState, step: int, loss: float) -> TrainStep:
    seconds_a_step = (time.monotonic() - run.started_s) / run.steps_done_here
    validation = run.history[-1].validation if run.history else None
    return TrainStep(len(run.history) + 1, step, run.steps, loss, seconds_a_step * (run.steps - step), validation)


def _one_cycle(done: float) -> float:
    """Share of the peak learning rate when `done` (0..1) of the steps are done: up on a cosine, down on a longer one.

    Smith, Topin 2018, arXiv:1708.07120; starts at 1/25 of the peak and ends at 0.
    """
    if done < _WARM_UP:
        return 0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * done / _WARM_UP))
    return 0.5 * (1.0 + math.cos(math.pi * (done - _WARM_UP) / (1.0 - _WARM_UP)))
