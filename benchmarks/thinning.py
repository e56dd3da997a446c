"""ResNet-8 of ../shared thinned under limits the way `pruning.py` and `recipe.py` measure it, and its sizes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from refine import refine
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.ir import Graph
from edgeprune.model.load import load_module
from edgeprune.model.trace import TracedModel, trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.recovery.reconstruct import Reconstruction, reconstruct
from edgeprune.prune.scoring.moments import input_moments
from edgeprune.prune.scoring.optimal_brain_surgeon import elimination
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.allocate import allocate
from edgeprune.prune.widths.damage_curves import Probe, class_distance, measure_damage_curves
from edgeprune.prune.widths.predicted_graph import predicted_graph
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.train.forms.images import load_images
from edgeprune.train.metrics import METRICS
from edgeprune.train.objective import LOSSES, Objective
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
        if op.traits.is_gemm:
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
        moments = input_moments(module, self.groups, self.calibration[:512].split(128))
        self.order = {group.name: elimination(moments, group.name)[0] for group in self.groups.groups}
        self.quick = Reconstruction(module, self.groups, self.calibration[:320], rows=10_240)
        ranking = {name: list(reversed(order)) for name, order in self.order.items()}
        self.choices = measure_damage_curves(
            module, self.groups, ranking, 1, Probe(self.judged, class_distance), recover=self.quick.apply,
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
            sizes = counted(traced, predicted_graph(traced, self.groups, widths), int(live.max()))
            flash = sizes.flash_bytes if by_flash else sizes.parameters
            return Footprint({"weights": flash}, {"arena": sizes.peak_bytes}, "", sizes.macs, float(sizes.macs))

        budget = Budget(limits.flash_bytes if by_flash else limits.parameters, limits.peak_bytes, float(limits.macs))
        start = allocate(self.choices, model, footprint, budget).widths
        widths, _ = refine(self.choices, start, self.damage, lambda widths: footprint(widths).fits(budget), 8)
        return widths

    def thinned(self, limits: Limits) -> tuple[nn.Module, str]:
        """The network, and the seconds all of it took."""
        started = clocks()
        keep = self.kept(self.widths(limits))
        module = thin(self.module, self.groups, keep)
        reconstruct(module, self.module, self.groups, keep, self.calibration)
        cpu_s, wall_s = self.preparing + clocks() - started
        return module, f"{cpu_s:.0f} s of CPU ({wall_s:.0f} s by the clock)"


def clocks() -> np.ndarray:
    """Seconds of CPU of this process, and of the wall."""
    return np.array([time.process_time(), time.monotonic()])


def channels_last(samples: Tensor) -> Tensor:
    return samples.contiguous(memory_format=torch.channels_last)


def original_network() -> nn.Module:
    return load_module("resnet8.py:ResNet8", "../data/resnet8_cifar10.pt", SHARED / "examples").eval()


def read_splits(held_out: int = 1000) -> Splits:
    arrays = load_images(SHARED / "data" / "cifar10_jpeg.zip", SHAPE, False)
    images, labels = arrays["train"]
    order = np.random.default_rng(0).permutation(len(images))
    held, rest = order[:held_out], order[held_out:]
    return make_splits(
        {"train": (images[rest], labels[rest]), "validation": (images[held], labels[held]), "test": arrays["test"]},
        SHAPE,
    )
