"""Trains the bundled network from scratch and writes its weights: `python scripts/train_bundled.py`.

Float16 halves the file; the accuracy printed last is that of the file as it is loaded again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import safetensors.torch
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edgeprune.model.load import load_module
from edgeprune.project.file import default_project
from edgeprune.train.data import load_data
from edgeprune.train.evaluate import evaluate
from edgeprune.train.finetune import TrainSettings, TrainStep, finetune
from edgeprune.train.objective import make_objective

EPOCHS = 40


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    project = default_project()
    splits, objective = load_data(project), make_objective(project)
    module = load_module(project.model.entry, None, project.root)
    started = time.monotonic()

    def show(step: TrainStep) -> None:
        if step.step % 50 == 0:
            print(f"epoch {step.epoch}: loss {step.loss:.4f}, validation {step.validation}, {step.seconds_left:.0f} s")

    settings = TrainSettings(epochs=EPOCHS, batch=64, augment=project.data.augment)
    result = finetune(module, splits, objective, settings, on_progress=show)
    print(
        f"best epoch {result.best_epoch}: validation {result.best_validation:.2f}, {time.monotonic() - started:.0f} s"
    )
    path = project.root / str(project.model.weights)
    state = {name: value.half() for name, value in module.state_dict().items() if value.is_floating_point()}
    safetensors.torch.save_file({name: value.contiguous() for name, value in state.items()}, path)
    shipped = load_module(project.model.entry, project.model.weights, project.root)
    print(f"{path.name}: {path.stat().st_size:,} B, test {evaluate(shipped, splits.test, objective.metric):.2f} %")


if __name__ == "__main__":
    main()
