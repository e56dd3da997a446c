"""Masks inside a fit: how many weights may stay so that the linked image is within its flash, and what that saved."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.build.space import unbounded_space
from edgeprune.deploy import CompiledModel, compile_graph, link_images
from edgeprune.fitting.cost import BASELINE, WidthCost, made_up_graph
from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.ir import Graph
from edgeprune.prune.masks.clusters import LEVELS
from edgeprune.prune.masks.masking import Kernels, Masks, Scores, density_of, kernels_of, masks_at
from edgeprune.train.evaluate import outputs_of

LEAST_DENSITY = 0.1  # fewer weights are not worth training
_GOOD_DENSITY = 0.25  # channels go before weights get sparser
_LINKS = 3
_HALVINGS = 7
_JUDGED = 256  # samples


class MaskCost:
    """Footprints of one network at its widths, by which of its weights stay. Values are made up, zeros are not."""

    def __init__(self, job: Job, network: Network, cost: WidthCost, shares_values: bool):
        """Args:
        cost: of the network; its variables and stack count.
        shares_values: the weights of a layer have at most 16 values.
        """
        self.layers = kernels_of(network.module, network.traced)
        self._job = job
        self._cost = cost
        self._shares_values = shares_values
        self._plain = made_up_graph(network, network.widths)

    def unmasked(self) -> Footprint:
        """Of the network as it is, linked."""
        return self._linked(self._plain)

    def linked(self, masks: Masks) -> Footprint:
        """As linked with these masks, parameter -> (outputs, inputs, taps); later predictions start from it."""
        return self._linked(self._masked(masks))

    def footprint(self, masks: Masks) -> Footprint:
        """Predicted from the last link."""
        return self._cost.footprint_of(self._compiled(self._masked(masks)))

    def _linked(self, graph: Graph) -> Footprint:
        job, compiled = self._job, self._compiled(graph)
        folder = job.workspace.folder / "sizing"
        parts = link_images(compiled, job.target, folder, unbounded_space(job.target)).judged.size.flash_parts
        self._cost = self._cost.with_flash(parts, compiled.calls)
        return self._cost.footprint_of(compiled)

    def _compiled(self, graph: Graph) -> CompiledModel:
        options = self._job.options
        return compile_graph(graph, self._job.target, options.kernels, BASELINE, ram_first=options.ram_first)

    def _masked(self, masks: Masks) -> Graph:
        stays = {layer.layer: masks[layer.parameter] for layer in self.layers if layer.parameter in masks}
        tensors = list(self._plain.tensors)
        for op in self._plain.ops:
            if op.name in stays:
                weights = tensors[op.inputs[1]]
                assert weights.data is not None
                tensors[op.inputs[1]] = replace(weights, data=self._values(weights.data, stays[op.name]))
        return replace(self._plain, tensors=tuple(tensors))

    def _values(self, made_up: np.ndarray, mask: Tensor) -> np.ndarray:
        """(outputs, ..., inputs) int8: zero where the mask says so, nowhere else."""
        outputs, inputs, _ = mask.shape
        values = np.where(made_up == 0, 1, made_up).reshape(outputs, -1, inputs)
        if self._shares_values:
            width = 256 // LEVELS
            values = values.astype(np.int16) // width * width + width // 2
        masked: np.ndarray = np.where(mask.permute(0, 2, 1).cpu().numpy(), values, 0).astype(np.int8)
        return masked.reshape(made_up.shape)


def masks_within(cost: MaskCost, scores: Scores, flash_bytes: int) -> tuple[dict[str, Tensor], Footprint, Footprint]:
    """The densest masks whose linked image takes at most `flash_bytes`; the sparsest where none does.

    Returns:
        The masks, empty where they are not needed or save nothing; the footprint with them, and without.
    """
    unmasked, layers = cost.unmasked(), cost.layers
    if unmasked.flash_bytes <= flash_bytes or not layers:
        return {}, unmasked, unmasked
    masks = masks_at(layers, scores, LEAST_DENSITY)
    found = cost.linked(masks)
    if found.flash_bytes >= unmasked.flash_bytes:
        return {}, unmasked, unmasked
    best = (masks, found)
    for _ in range(_LINKS):
        masks = _densest(cost, scores, flash_bytes)
        found = cost.linked(masks)
        if found.flash_bytes <= flash_bytes and density_of(masks) >= density_of(best[0]):
            best = (masks, found)
            if found.flash_bytes > 0.99 * flash_bytes:
                break
    return *best, unmasked


def _densest(cost: MaskCost, scores: Scores, flash_bytes: int) -> dict[str, Tensor]:
    """By prediction."""

    def fits(density: float) -> bool:
        return cost.footprint(masks_at(cost.layers, scores, density)).flash_bytes <= flash_bytes

    low, high = LEAST_DENSITY, 1.0
    if fits(high):
        return masks_at(cost.layers, scores, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return masks_at(cost.layers, scores, low)


def room_with_masks(job: Job, cost: MaskCost, scores: Scores, budget: Budget) -> dict[str, int]:
    """What channels are to be chosen for, since masks will save flash: flash and RAM to allow them.

    Weights are taken to shrink everywhere as they do with a quarter of them left; arrays alone do, code does not.
    """
    unmasked, masked = cost.unmasked(), cost.linked(masks_at(cost.layers, scores, _GOOD_DENSITY))
    if masked.flash_bytes >= unmasked.flash_bytes:
        job.progress.note(
            f"{job.options.granularity}: masks would save nothing, the linked image takes {unmasked.flash_bytes:,} B "
            f"as it is and {masked.flash_bytes:,} B with {_GOOD_DENSITY:.0%} of the weights: channels go instead"
        )
        return {"flash_bytes": budget.flash_bytes, "ram_bytes": budget.ram_bytes}
    fixed = masked.flash_bytes - _arrays(masked)
    share = _arrays(masked) / _arrays(unmasked)
    plain_fixed = unmasked.flash_bytes - _arrays(unmasked)
    flash_bytes = plain_fixed + max(0.0, budget.flash_bytes - fixed) / share
    more_ram = max(0, masked.ram_parts["arena"] - unmasked.ram_parts["arena"])
    return {
        "flash_bytes": max(budget.flash_bytes, int(flash_bytes)),
        "ram_bytes": max(1, budget.ram_bytes - more_ram),
    }


def _arrays(footprint: Footprint) -> int:
    return footprint.flash_parts["weights"] + footprint.flash_parts["tables"]


def damage_on(job: Job, module: nn.Module, masks: Masks) -> float:
    """The loss on calibration samples with these masks, nothing trained."""
    tried = copy.deepcopy(module)
    with torch.no_grad():
        for parameter, mask in in_parameters(tried, masks).items():
            tried.get_parameter(parameter).mul_(mask)
    samples = job.splits.calibration.take(_JUDGED)
    return float(job.objective.loss(outputs_of(tried, samples), samples.targets))


def in_parameters(module: nn.Module, masks: Masks) -> dict[str, Tensor]:
    """The masks in the shapes of their parameters."""
    return {name: mask.reshape(module.get_parameter(name).shape) for name, mask in masks.items()}


def masks_of(network: Network, layers: Sequence[Kernels]) -> Mapping[str, Tensor]:
    """Where the weights of a masked network are not zero."""
    return {
        layer.parameter: (network.module.get_parameter(layer.parameter) != 0).reshape(layer.weights.shape)
        for layer in layers
    }
