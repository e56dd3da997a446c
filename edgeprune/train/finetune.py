"""The training loop: one-cycle schedule, distillation from the original, best epoch kept, resumable after a kill."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgeprune import atomic
from edgeprune.errors import ModelError
from edgeprune.train.augment import augmented
from edgeprune.train.distil import distillation_loss
from edgeprune.train.evaluate import evaluate, outputs_of
from edgeprune.train.features import watched_features
from edgeprune.train.machine import device_of, faster_numbers, training_device
from edgeprune.train.memory import arranged, fastest_order
from edgeprune.train.objective import Objective
from edgeprune.train.optimizer import DEFAULT_LR, make_optimizer
from edgeprune.train.splits import Split, Splits

_WARM_UP = 0.3  # share of the steps before the schedule's peak


@dataclass(frozen=True)
class TrainSettings:
    """lr: at the schedule's peak, None for the optimizer's own; augment: see `augment.py`.

    similarity: weight of `features.similarity_loss` beside the loss of the answers; 0 leaves the way to them alone.
    device: see `machine.py`.
    """

    epochs: int = 3
    batch: int = 128
    lr: float | None = None
    optimizer: str = "muon"
    seed: int = 0
    augment: str = "none"
    similarity: float = 0.0
    device: str = "auto"

    def steps_per_epoch(self, samples: int) -> int:
        """Whole batches of so many training samples, at least one."""
        return max(1, samples // self.batch)


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
class EpochResult:
    loss: float
    validation: float


@dataclass(frozen=True)
class TrainResult:
    """best_epoch counts from 1; 0 means the network as it came was the best and stays."""

    epochs: tuple[EpochResult, ...]
    best_epoch: int
    best_validation: float


def finetune(
    module: nn.Module,
    splits: Splits,
    objective: Objective,
    settings: TrainSettings,
    teacher: nn.Module | None = None,
    on_progress: Callable[[TrainStep], None] | None = None,
    checkpoint: Path | None = None,
    hold: Callable[[], None] | None = None,
) -> TrainResult:
    """Trains in place; the module ends in evaluation mode with the weights of its best epoch on validation.

    Args:
        module: float32, on the CPU; it comes back there.
        teacher: the original to imitate; None trains on the targets alone.
        checkpoint: written after every epoch, read when it is there: a killed run goes on after its last whole epoch
            and ends with the same weights. One file belongs to one module, teacher and settings.
        hold: called after every step, to put back what training must not move (masked weights).

    Raises:
        ModelError: the loss is no longer finite.
    """
    device = training_device(settings.device)
    moved = [module] if teacher is None else [module, teacher]
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(settings.seed)  # for dropout; batches and augmentation have a generator of their own
        try:
            for network in moved:
                network.to(device)
            return _finetune(module, splits, objective, settings, teacher, on_progress, checkpoint, hold)
        finally:
            for network in moved:
                network.to("cpu")


def _finetune(
    module: nn.Module,
    splits: Splits,
    objective: Objective,
    settings: TrainSettings,
    teacher: nn.Module | None,
    on_progress: Callable[[TrainStep], None] | None,
    checkpoint: Path | None,
    hold: Callable[[], None] | None,
) -> TrainResult:
    run = _Run(module, splits, objective, settings)
    if checkpoint is not None and checkpoint.is_file():
        run.restore(checkpoint)
    if teacher is not None:
        teacher.eval()
    watches = teacher is not None and settings.similarity > 0
    # Without augmentation the teacher's answers to every sample are the same in every epoch.
    is_known = teacher is not None and settings.augment == "none" and not watches
    known = outputs_of(teacher, splits.train) if teacher is not None and is_known else None
    while len(run.history) < settings.epochs:
        with ExitStack() as stack:
            order = stack.enter_context(fastest_order(splits.train, module, *([] if teacher is None else [teacher])))
            unlikeness = None
            if teacher is not None and watches:
                sample = arranged(splits.train.take(1).tensor(), order).to(device_of(module))
                unlikeness = stack.enter_context(watched_features(module, teacher, sample))
            loss = _epoch(run, splits.train, order, teacher, known, unlikeness, on_progress, hold)
        run.close_epoch(loss, evaluate(module, splits.validation, objective.metric))
        if checkpoint is not None:
            run.save(checkpoint)
    module.load_state_dict(run.best_state)
    module.eval()
    return TrainResult(tuple(run.history), run.best_epoch, run.best_validation)


class _Run:
    """All that changes while training, so that it can be put down and taken up again."""

    def __init__(self, module: nn.Module, splits: Splits, objective: Objective, settings: TrainSettings):
        self.module = module
        self.objective = objective
        self.settings = settings
        self.steps_per_epoch = settings.steps_per_epoch(len(splits.train))
        self.lr = settings.lr or DEFAULT_LR[settings.optimizer]
        self.optimizer = make_optimizer(module, settings.optimizer, self.lr)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.history: list[EpochResult] = []
        self.best_validation = evaluate(module, splits.validation, objective.metric)
        self.best_epoch = 0
        self.best_state = copy.deepcopy(module.state_dict())
        self.started_s = time.monotonic()
        self.steps_done_here = 0

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.settings.epochs

    def close_epoch(self, loss: float, validation: float) -> None:
        self.history.append(EpochResult(loss, validation))
        if self.objective.metric.is_better(validation, self.best_validation):
            self.best_validation, self.best_epoch = validation, len(self.history)
            self.best_state = copy.deepcopy(self.module.state_dict())

    def save(self, path: Path) -> None:
        content = {
            "settings": self._identity(),
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "history": [asdict(epoch) for epoch in self.history],
            "best": {"state": self.best_state, "epoch": self.best_epoch, "validation": self.best_validation},
        }
        buffer = io.BytesIO()  # a full disk is then an OSError, not one of torch's own
        torch.save(content, buffer)
        atomic.write_bytes(path, buffer.getvalue())

    def restore(self, path: Path) -> None:
        """Takes up where `path` was put down; a file of other settings or another network is started over."""
        try:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            if content["settings"] != self._identity():
                return
            self.module.load_state_dict(content["module"])
            self.optimizer.load_state_dict(content["optimizer"])
        except (pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as problem:
            raise ModelError(f"{path} is no training state: {problem}", hint="delete it to start over") from problem
        self.generator.set_state(content["generator"])
        torch.set_rng_state(content["torch_generator"])
        self.history = [EpochResult(**epoch) for epoch in content["history"]]
        best = content["best"]
        self.best_state, self.best_epoch, self.best_validation = best["state"], best["epoch"], best["validation"]

    def _identity(self) -> str:
        shapes = {name: list(value.shape) for name, value in self.module.state_dict().items()}
        return json.dumps([asdict(self.settings), shapes, self.steps_per_epoch], sort_keys=True)


def _epoch(
    run: _Run,
    train: Split,
    order: torch.memory_format,
    teacher: nn.Module | None,
    known: Tensor | None,
    unlikeness: Callable[[], Tensor] | None,
    on_progress: Callable[[TrainStep], None] | None,
    hold: Callable[[], None] | None,
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
        with faster_numbers(device):
            outputs = run.module(samples).float()
            if teacher is None:
                loss = run.objective.loss(outputs, targets)
            else:
                with torch.no_grad():
                    wanted = teacher(samples).float() if known is None else known[index].to(device)
                loss = distillation_loss(outputs, wanted, targets, run.objective)
            if unlikeness is not None:
                loss = loss + run.settings.similarity * unlikeness()
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(
                f"the loss became {value} at step {step + 1} of {run.steps}",
                hint=f"training diverged: set a lower lr than {run.lr:g} in [training], and check the data's scale",
            )
        run.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        if hold is not None:
            hold()
        total += value
        run.steps_done_here += 1
        if on_progress is not None:
            on_progress(_progress(run, step + 1, value))
    return total / run.steps_per_epoch


def _progress(run: _Run, step: int, loss: float) -> TrainStep:
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
