"""Pruning ResNet-8 on CIFAR-10 beside torch-pruning 1.6.1, same process, same splits, same thread.

    python benchmarks/pruning.py [--seeds 2] [--epochs 3] > benchmarks/pruning.txt

Starts from ../shared/data/resnet8_cifar10.pt (83.15 % on the 10,000 test JPEGs). 1,000 training images, drawn once, are
held out as validation; the test images are looked at after each row is finished. float32, channels_last.

peak B: live int8 activations, every tensor of an operator counted. flash B: int8 weights and 4 B a bias channel.
"anchor training": SGD 0.9, lr 0.01 cosine, cross-entropy, batch 128, flip and crop, the last epoch. "ours": widths
found under the limits by structured OBS, least squares, allocation and trades; then `fit`'s training loop (Muon,
distillation, one cycle) with batch 64, lr 0.03, crops.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch_pruning as tp
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.ir import Graph, OpKind
from edgeprune.model.load import load_module
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.allocate import allocate
from edgeprune.prune.groups import find_groups
from edgeprune.prune.moments import hearings
from edgeprune.prune.reconstruct import Reconstruction, reconstruct
from edgeprune.prune.refine import refine
from edgeprune.prune.sensitivity import class_distance, measure_sensitivity
from edgeprune.prune.size_model import SizeModel
from edgeprune.prune.surgeon import elimination
from edgeprune.prune.surgery import thin
from edgeprune.prune.widths import predicted_graph
from edgeprune.quantize.host import evaluate_int8
from edgeprune.train.augment import augmented
from edgeprune.train.evaluate import bn_reestimate, evaluate
from edgeprune.train.finetune import TrainSettings, finetune
from edgeprune.train.images import load_images
from edgeprune.train.objective import LOSSES, METRICS, Objective
from edgeprune.train.splits import Splits, make_splits

SHARED = Path(__file__).resolve().parents[2] / "shared"
SHAPE = (3, 32, 32)
ACCURACY = METRICS["accuracy"]
OBJECTIVE = Objective("cross_entropy", LOSSES["cross_entropy"], ACCURACY)
WITHOUT = 1 << 40  # no limit


@dataclass(frozen=True)
class Limits:
    parameters: int = WITHOUT
    macs: int = WITHOUT
    flash_bytes: int = WITHOUT
    peak_bytes: int = WITHOUT


@dataclass(frozen=True)
class Sizes:
    parameters: int
    macs: int
    flash_bytes: int
    peak_bytes: int

    def within(self, limits: Limits) -> bool:
        return (
            self.parameters <= limits.parameters
            and self.macs <= limits.macs
            and self.flash_bytes <= limits.flash_bytes
            and self.peak_bytes <= limits.peak_bytes
        )


def sizes_of(module: nn.Module) -> Sizes:
    """Counted on the traced graph of this very module, whoever thinned it."""
    traced = trace(module, (1, *SHAPE))
    live = SizeModel(traced.graph, {}, []).sizes(np.zeros((1, 0))).live_bytes
    return counted(traced, traced.graph, int(live.max()))


def counted(traced: TracedModel, graph: Graph, peak_bytes: int) -> Sizes:
    """Sizes of a graph of `traced` at any widths; a batch norm has two parameters a channel, a bias one."""
    parameters = macs = flash_bytes = 0
    for op in graph.ops:
        if op.kind in (OpKind.CONV_2D, OpKind.FULLY_CONNECTED):
            weight, made = graph.tensors[op.inputs[1]].element_count, graph.output_of(op)
            outputs = made.shape[-1]
            parameters += weight + outputs * (2 if op.name in traced.folds else 1)
            macs += made.element_count // outputs * weight
            flash_bytes += weight + 4 * outputs
    return Sizes(parameters, macs, flash_bytes, peak_bytes)


class Ours:
    """Widths and weights under limits, nothing trained. What does not depend on the limits is measured once."""

    def __init__(self, module: nn.Module, splits: Splits):
        started = clocks()
        self.module = module
        self.groups = find_groups(trace(module, (1, *SHAPE)))
        self.calibration = channels_last(splits.train.take(2048).tensor())
        self.judged = channels_last(splits.train.take(3072).tensor()[2048:])
        with torch.no_grad():
            self.wanted = module(self.judged)
        heard = hearings(module, self.groups, self.calibration[:512].split(128))
        self.order = {group.name: elimination(heard, group.name)[0] for group in self.groups.groups}
        self.quick = Reconstruction(module, self.groups, self.calibration[:320], rows=10_240)
        ranking = {name: list(reversed(order)) for name, order in self.order.items()}
        self.choices = measure_sensitivity(
            module, self.groups, ranking, 1, self.judged, class_distance, lambda _: None, (0.75, 0.5, 0.25),
            self.quick.apply,
        )  # fmt: skip
        self.preparing = clocks() - started

    def kept(self, widths: Mapping[str, int]) -> dict[str, list[int]]:
        return {name: sorted(self.order[name][-width:]) for name, width in widths.items()}

    def damage(self, widths: Mapping[str, int]) -> float:
        keep = self.kept(widths)
        module = thin(self.module, self.groups, keep)
        self.quick.apply(module, keep)
        with torch.no_grad():
            return class_distance(module(self.judged), self.wanted)

    def widths(self, limits: Limits) -> dict[str, int]:
        by_flash = limits.flash_bytes < WITHOUT

        traced = self.groups.traced
        names = [choice.group for choice in self.choices]
        model = SizeModel(traced.graph, self.groups.extents, names)

        def footprint(widths: Mapping[str, int]) -> Footprint:
            live = model.sizes(np.array([[widths[name] for name in names]])).live_bytes
            found = counted(traced, predicted_graph(traced, self.groups, widths), int(live.max()))
            flash = found.flash_bytes if by_flash else found.parameters
            return Footprint({"weights": flash}, {"arena": found.peak_bytes}, "", found.macs, float(found.macs))

        budget = Budget(limits.flash_bytes if by_flash else limits.parameters, limits.peak_bytes, float(limits.macs))
        start = allocate(self.choices, model, footprint, budget).widths
        found, _ = refine(self.choices, start, self.damage, lambda widths: footprint(widths).fits(budget), 8)
        return found

    def thinned(self, limits: Limits) -> tuple[nn.Module, str]:
        """The network, and the seconds all of it took."""
        started = clocks()
        keep = self.kept(self.widths(limits))
        module = thin(self.module, self.groups, keep)
        reconstruct(module, self.module, self.groups, keep, self.calibration)
        cpu_s, wall_s = self.preparing + clocks() - started
        return module, f"{cpu_s:.0f} s of CPU ({wall_s:.0f} s by the clock of a shared machine)"


def clocks() -> np.ndarray:
    """Seconds of CPU of this process, and of the wall."""
    return np.array([time.process_time(), time.monotonic()])


def theirs(module: nn.Module, limits: Limits, round_to: int | None) -> nn.Module:
    """torch-pruning's L1 group importance, global, the ratio bisected until the limits hold."""

    def pruned(ratio: float) -> nn.Module:
        copied = copy.deepcopy(module)
        importance = tp.importance.GroupMagnitudeImportance(p=1)
        pruner = tp.pruner.MagnitudePruner(
            copied, torch.zeros(1, *SHAPE), importance, global_pruning=True, pruning_ratio=ratio, round_to=round_to,
            ignored_layers=[copied.fc],
        )  # fmt: skip
        pruner.step()
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
            loss = nn.functional.cross_entropy(module(channels_last(samples)), splits.train.targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    module.eval()


def train_as_ours(module: nn.Module, teacher: nn.Module, splits: Splits, epochs: int, seed: int) -> None:
    settings = TrainSettings(epochs=epochs, batch=64, lr=0.03, seed=seed, augment="crop")
    finetune(module, splits, OBJECTIVE, settings, teacher)


def channels_last(samples: Tensor) -> Tensor:
    return samples.contiguous(memory_format=torch.channels_last)


def row(name: str, module: nn.Module, splits: Splits, note: str) -> None:
    found = sizes_of(module)
    print(
        f"{name:<44} {evaluate(module, splits.test, ACCURACY):6.2f}  {found.parameters:>7,} {found.macs / 1e6:6.2f} "
        f"{found.flash_bytes:>7,} {found.peak_bytes:>7,}  {note}",
        flush=True,
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--epochs", type=int, default=3)
    given = options.parse_args()
    if not SHARED.is_dir():
        print("skipped: ../shared is not there")
        return 0
    torch.set_num_threads(1)
    original = load_module("resnet8.py:ResNet8", "../data/resnet8_cifar10.pt", SHARED / "examples").eval()
    splits = read_splits()
    full = sizes_of(original).parameters
    versions = f"torch {torch.__version__}, torch-pruning {version('torch-pruning')}"
    print(f"{versions}, one thread, float32, {given.epochs} epochs")
    print(f"{'':<44} test %  params   MMACs flash B  peak B")
    row("original", original, splits, "")
    goals = {
        "50 %": (Limits(parameters=full // 2, macs=6_200_000), Limits(parameters=full // 2), None),
        "25 %": (Limits(parameters=full // 4, macs=3_700_000), Limits(parameters=full // 4), None),
        "joint": (Limits(flash_bytes=40_000, peak_bytes=25_600),) * 2 + (4,),
    }
    others = {goal: theirs(original, limits, round_to) for goal, (_, limits, round_to) in goals.items()}
    ours = Ours(original, splits)
    no_training(ours, others["50 %"], splits, full)
    starts = {goal: ours.thinned(limits) for goal, (limits, _, _) in goals.items()}
    with Exporter() as exporter:
        for seed in range(given.seeds):
            for goal, (start, took) in starts.items():
                module = copied(start)
                train_as_ours(module, original, splits, given.epochs, seed)
                exported = export_tflite(module, splits.calibration.tensor(), exporter).data
                int8 = evaluate_int8(exported, splits.test, ACCURACY)
                before = evaluate(start, splits.test, ACCURACY)
                note = f"int8 {int8:.2f}; before training {before:.2f} in {took}"
                row(f"{goal}: ours, seed {seed}", module, splits, note)
            if seed == 0:
                as_anchor(others, splits, given.epochs)
    for goal in ("50 %", "25 %"):
        module = copied(others[goal])
        train_as_ours(module, original, splits, given.epochs, 0)
        row(f"{goal}: torch-pruning L1, our training", module, splits, "")
    return 0


def as_anchor(others: Mapping[str, nn.Module], splits: Splits, epochs: int) -> None:
    for goal, start in others.items():
        before = f"before training {evaluate(start, splits.test, ACCURACY):.2f}"
        module = copied(start)
        train_as_anchor(module, splits, epochs, 0)
        row(f"{goal}: torch-pruning L1, anchor training", module, splits, before)


def no_training(ours: Ours, theirs_half: nn.Module, splits: Splits, full: int) -> None:
    module, took = ours.thinned(Limits(parameters=full // 2))
    row("50 %, no training: ours", module, splits, took)
    row("50 %, no training: torch-pruning L1", theirs_half, splits, "")
    renewed = copied(theirs_half)
    bn_reestimate(renewed, splits.train.take(1024))
    row("50 %, no training: the same, batch norm renewed", renewed, splits, "")


def copied(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module)


def read_splits() -> Splits:
    arrays = load_images(SHARED / "data" / "cifar10_jpeg.zip", SHAPE, False)
    images, labels = arrays["train"]
    order = np.random.default_rng(0).permutation(len(images))
    held, rest = order[:1000], order[1000:]
    return make_splits(
        {"train": (images[rest], labels[rest]), "validation": (images[held], labels[held]), "test": arrays["test"]},
        SHAPE,
    )


if __name__ == "__main__":
    sys.exit(main())
