"""The state of a training: its settings, weights, optimizer and history, saved and resumed, and how it steps back."""

from __future__ import annotations

import copy
import io
import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeprune.errors import ModelError
from edgeprune.files import atomic
from edgeprune.train.evaluate import evaluate
from edgeprune.train.objective import Objective
from edgeprune.train.optimizer import DEFAULT_LR, make_optimizer, optimizer_for
from edgeprune.train.splits import Splits
from edgeprune.units import score_text

_MOST_STEPS_BACK = 3
_SMALLER = 0.25
_FIRST_LOSSES = 3
_FARTHEST = 4.0  # times the first losses
_KEPT = 0.8  # of the running loss, at each step
_CLEARLY_POINTS = 1.0


@dataclass(frozen=True)
class TrainSettings:
    """lr: the peak of the one-cycle learning rate, None for the optimizer's own; augment: see `augment.py`.

    similarity: weight of `features.similarity_loss` beside the loss of the outputs; 0 leaves features free.
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
class EpochResult:
    loss: float
    validation: float


class TrainingState:
    """The state of a training, so that it can be saved and resumed."""

    def __init__(self, module: nn.Module, splits: Splits, objective: Objective, settings: TrainSettings):
        self.module = module
        self.objective = objective
        self.settings = settings
        self.steps_per_epoch = settings.steps_per_epoch(len(splits.train))
        self.kind = optimizer_for(module, settings.optimizer)
        self.lr = settings.lr or DEFAULT_LR[self.kind]
        self.optimizer = make_optimizer(module, self.kind, self.lr)
        self.steps_back = 0
        self.begun: list[float] = []  # the first losses, while the learning rate is low
        self.running: float | None = None  # loss, later ones counting more
        self.began_again = False
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.history: list[EpochResult] = []
        self.first_validation = self.best_validation = evaluate(module, splits.validation, objective.metric)
        self.best_epoch = 0
        self.best_state = copy.deepcopy(module.state_dict())
        self.started_s = time.monotonic()
        self.steps_done_here = 0

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.settings.epochs

    def watch(self, loss: float, step: int) -> None:
        """Raises ModelError where training diverges: a loss that is not finite or, as long as a smaller learning rate
        can be tried, one that has risen far above the first."""
        if len(self.begun) < _FIRST_LOSSES:
            self.begun.append(loss)
        self.running = loss if self.running is None else _KEPT * self.running + (1 - _KEPT) * loss
        rose = self.steps_back < _MOST_STEPS_BACK and self.running > _FARTHEST * max(self.begun)
        if rose or not math.isfinite(loss):
            what = f"rose from {max(self.begun):.3g} to {self.running:.3g}" if rose else f"became {loss}"
            raise ModelError(
                f"the loss {what} at step {step + 1} of {self.steps}",
                hint=f"training diverged: set a lower lr than {self.lr:g} in [training], and check the data's scale",
            )

    def close_epoch(self, loss: float, validation: float) -> None:
        """Of epochs that are equal on validation the later one is kept: its learning rate was lower."""
        self.history.append(EpochResult(loss, validation))
        is_equal = self.best_epoch > 0 and validation == self.best_validation
        if is_equal or self.objective.metric.is_better(validation, self.best_validation):
            self.best_validation, self.best_epoch = validation, len(self.history)
            self.best_state = copy.deepcopy(self.module.state_dict())

    @property
    def is_spoiled(self) -> bool:
        """Whether training is over and every epoch left the network clearly worse than it came."""
        if self.began_again or len(self.history) < self.settings.epochs or self.best_epoch > 0:
            return False
        metric = self.objective.metric
        best = min(self.history, key=lambda epoch: metric.drop_points(self.first_validation, epoch.validation))
        return metric.drop_points(self.first_validation, best.validation) > _CLEARLY_POINTS

    def go_back(self, diverged: ModelError, note: Callable[[str], None]) -> None:
        """To the best weights so far, with a quarter of the learning rate.

        Raises:
            ModelError: `diverged` itself, the fourth time.
        """
        if self.steps_back == _MOST_STEPS_BACK:
            raise diverged
        self.steps_back += 1
        note(self._restart(f"{diverged.message}: back to the best weights"))

    def begin_again(self, note: Callable[[str], None]) -> None:
        """All epochs, from the weights the network came with and a quarter of the learning rate."""
        self.began_again = True
        self.history.clear()
        reached = f"{self.objective.metric.name} {score_text(self.first_validation)}"
        note(self._restart(f"no epoch reached {reached}: begun again"))

    def _restart(self, why: str) -> str:
        self.module.load_state_dict(self.best_state)
        self.running = None
        self.lr *= _SMALLER
        self.optimizer = make_optimizer(self.module, self.kind, self.lr)
        return f"{why}, learning rate {self.lr:.3g}"

    def save(self, path: Path) -> None:
        content = {
            "settings": self._identity(),
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "lr": self.lr,
            "steps_back": self.steps_back,
            "losses": [self.begun, self.running],
            "began_again": self.began_again,
            "first_validation": self.first_validation,
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "history": [asdict(epoch) for epoch in self.history],
            "best": {"state": self.best_state, "epoch": self.best_epoch, "validation": self.best_validation},
        }
        buffer = io.BytesIO()  # a full disk is then an OSError, not one of torch's own
        torch.save(content, buffer)
        atomic.write_bytes(path, buffer.getvalue())

    def restore(self, path: Path) -> None:
        """Resumes from `path`; a file of other settings or another network is ignored."""
        try:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            if content["settings"] != self._identity():
                return
            self.module.load_state_dict(content["module"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.lr, self.steps_back = content["lr"], content["steps_back"]
            self.begun, self.running = content["losses"]
            self.began_again, self.first_validation = content["began_again"], content["first_validation"]
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
