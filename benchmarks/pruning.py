"""Pruning ResNet-8 on CIFAR-10 beside torch-pruning 1.6.1, same process, same splits, same thread.

    python benchmarks/pruning.py [--seeds 3] [--their-seeds 1] [--epochs 3] > benchmarks/results/pruning.txt

Starts from ../shared/data/resnet8_cifar10.pt (83.15 % on the 10,000 test JPEGs). 1,000 training images, drawn once, are
held out as validation; the test images are looked at after each row is finished. Training runs in channels_last, and
under bfloat16 autocast where the CPU multiplies it. Figures with ± are a mean and the standard deviation of one seed.

peak B: live int8 activations, every tensor of an operator counted. flash B: int8 weights and 4 B a bias channel.
"anchor training": SGD 0.9, lr 0.01 cosine, cross-entropy, batch 128, flip and crop, the last epoch. "ours": widths
chosen under the limits by structured OBS, least squares, allocation and trades; then `fit`'s training loop (Muon,
distillation, one cycle) with RECIPE, which `recipe.py` chose on validation images. torch-pruning's rows: its ratio
bisected until the limits hold.
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version

import torch
import torch_pruning as tp
from thinning import (
    ACCURACY,
    OBJECTIVE,
    SHAPE,
    SHARED,
    Limits,
    Ours,
    channels_last,
    original_network,
    read_splits,
    sizes_of,
)
from torch import nn

from edgeprune.export.tflite import export_tflite
from edgeprune.train.augment import augmented
from edgeprune.train.evaluate import bn_reestimate, evaluate
from edgeprune.train.evaluate_int8 import evaluate_int8
from edgeprune.train.finetune import finetune
from edgeprune.train.machine import reduced_precision
from edgeprune.train.splits import Splits
from edgeprune.train.training_state import TrainSettings

RECIPE = TrainSettings(batch=64, lr=0.03, augment="flip-crop")
GOALS = ("50 %", "25 %", "joint")
CRITERIA: Mapping[str, Callable[[], tp.importance.Importance]] = {
    "L1 group": lambda: tp.importance.GroupMagnitudeImportance(p=1),
    "LAMP": lambda: tp.importance.LAMPImportance(p=2),
    "L2 group": lambda: tp.importance.GroupMagnitudeImportance(p=2),
    "L2 uniform": lambda: tp.importance.GroupMagnitudeImportance(p=2),
    "Taylor group": tp.importance.GroupTaylorImportance,
    "FPGM": lambda: tp.importance.FPGMImportance(p=2),
    "BN scale": tp.importance.BNScaleImportance,
    "Random": tp.importance.RandomImportance,
}


def theirs(module: nn.Module, limits: Limits, name: str, round_to: int | None, splits: Splits) -> nn.Module:
    """torch-pruning with one of CRITERIA, the ratio bisected until the limits hold."""

    def pruned(ratio: float) -> nn.Module:
        copied = copy.deepcopy(module)
        torch.manual_seed(0)  # for Random
        pruner = tp.pruner.MagnitudePruner(
            copied, torch.zeros(1, *SHAPE), CRITERIA[name](), global_pruning=name != "L2 uniform", pruning_ratio=ratio,
            round_to=round_to, ignored_layers=[copied.fc],
        )  # fmt: skip
        if name == "Taylor group":
            judged = splits.train.take(256)
            nn.functional.cross_entropy(copied(judged.tensor()), judged.targets).backward()
        pruner.step()
        copied.zero_grad()
        return copied

    low, high = 0.0, 0.95
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if sizes_of(pruned(middle)).within(limits) else (middle, high)
    return pruned(high)


def train_as_anchor(module: nn.Module, splits: Splits, epochs: int, seed: int) -> None:
    module.to(memory_format=torch.channels_last)
    module.train()
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(module.parameters(), 0.01, 0.9, weight_decay=5e-4)
    steps = len(splits.train) // 128
    for epoch in range(epochs):
        shuffled = torch.randperm(len(splits.train), generator=generator)
        for step in range(steps):
            rate = 0.005 * (1 + math.cos(math.pi * (epoch * steps + step) / (epochs * steps)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            index = shuffled[step * 128 : step * 128 + 128]
            samples = splits.train.real(augmented(splits.train.inputs[index], "flip-crop", generator))
            with reduced_precision(torch.device("cpu")):
                loss = nn.functional.cross_entropy(module(channels_last(samples)).float(), splits.train.targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    module.eval()


def row(name: str, module: nn.Module, accuracy: str, note: str = "") -> None:
    sizes = sizes_of(module)
    print(
        f"{name:<48} {accuracy:<13} {sizes.parameters:>7,} {sizes.macs / 1e6:6.2f} "
        f"{sizes.flash_bytes:>7,} {sizes.peak_bytes:>7,}  {note}".rstrip(),
        flush=True,
    )


def figures(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--their-seeds", type=int, default=1)
    options.add_argument("--epochs", type=int, default=3)
    given = options.parse_args()
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return 0
    torch.set_num_threads(1)
    original, splits = original_network(), read_splits()
    full = sizes_of(original).parameters
    versions = f"torch {torch.__version__}, torch-pruning {version('torch-pruning')}"
    with reduced_precision(torch.device("cpu")):
        kind = "bfloat16 autocast" if torch.is_autocast_enabled("cpu") else "float32"
    print(f"{versions}, one thread, {kind}, {given.epochs} epochs")
    print(f"{'':<48} test %         params   MMACs flash B  peak B")
    row("original", original, f"{evaluate(original, splits.test, ACCURACY):.2f}")
    limits = {
        "50 %": (Limits(parameters=full // 2, macs=6_200_000), Limits(parameters=full // 2), None),
        "25 %": (Limits(parameters=full // 4, macs=3_700_000), Limits(parameters=full // 4), None),
        "joint": (Limits(flash_bytes=40_000, peak_bytes=25_600), Limits(flash_bytes=40_000, peak_bytes=25_600), 4),
    }
    others = {goal: theirs(original, limits[goal][1], "L1 group", limits[goal][2], splits) for goal in GOALS}
    ours = Ours(original, splits)
    without_training(ours, others["50 %"], splits, full)
    train = OurTraining(original, splits, given.epochs)
    for goal in GOALS:
        start, took = ours.thinned(limits[goal][0])
        before = f"before training {evaluate(start, splits.test, ACCURACY):.2f} in {took}"
        train(f"{goal}: ours", start, given.seeds, before)
        trained_as_anchor(f"{goal}: torch-pruning L1 group", others[goal], splits, given.epochs, given.their_seeds)
    for goal in GOALS:
        train(f"{goal}: torch-pruning L1 group", others[goal], 1, "trained our way")
    for goal in ("50 %", "25 %"):
        for name in [name for name in CRITERIA if name != "L1 group"]:
            start = theirs(original, limits[goal][1], name, None, splits)
            trained_as_anchor(f"{goal}: torch-pruning {name}", start, splits, given.epochs, given.their_seeds)
    return 0


@dataclass(frozen=True)
class OurTraining:
    teacher: nn.Module
    splits: Splits
    epochs: int

    def __call__(self, name: str, start: nn.Module, seeds: int, note: str) -> None:
        real, int8 = [], []
        for seed in range(seeds):
            module = copy.deepcopy(start)
            finetune(module, self.splits, OBJECTIVE, replace(RECIPE, epochs=self.epochs, seed=seed), self.teacher)
            real.append(evaluate(module, self.splits.test, ACCURACY))
            exported = export_tflite(module, self.splits.calibration.tensor()).data
            int8.append(evaluate_int8(exported, self.splits.test, ACCURACY))
        lost = max(before - after for before, after in zip(real, int8, strict=True))
        row(name, start, figures(real), f"int8 {figures(int8)}, at most {lost:.2f} less; {each(real)}; {note}")


def trained_as_anchor(name: str, start: nn.Module, splits: Splits, epochs: int, seeds: int) -> None:
    scores = []
    for seed in range(seeds):
        module = copy.deepcopy(start)
        train_as_anchor(module, splits, epochs, seed)
        scores.append(evaluate(module, splits.test, ACCURACY))
    before = f"before training {evaluate(start, splits.test, ACCURACY):.2f}"
    row(f"{name}, anchor training", start, figures(scores), f"{each(scores)}; {before}")


def each(values: list[float]) -> str:
    return "one seed" if len(values) == 1 else "seeds " + " ".join(f"{value:.2f}" for value in values)


def without_training(ours: Ours, theirs_half: nn.Module, splits: Splits, full: int) -> None:
    def accuracy(module: nn.Module) -> str:
        return f"{evaluate(module, splits.test, ACCURACY):.2f}"

    module, took = ours.thinned(Limits(parameters=full // 2))
    row("50 %, no training: ours", module, accuracy(module), took)
    row("50 %, no training: torch-pruning L1 group", theirs_half, accuracy(theirs_half))
    renewed = copy.deepcopy(theirs_half)
    bn_reestimate(renewed, splits.train.take(1024))
    row("50 %, no training: the same, batch norm renewed", renewed, accuracy(renewed))


if __name__ == "__main__":
    sys.exit(main())
