"""Masks inside a fit: how many weights may stay so that the linked image is within its flash, and the bytes saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.protocol import MaskCost
from edgeprune.fitting.job import Job
from edgeprune.model.twin import copied
from edgeprune.prune.masks.masking import Kernels, Masks, Scores, density_of, masks_at
from edgeprune.prune.network import Network
from edgeprune.quantize.weights import weight_scales
from edgeprune.train.evaluate import outputs_of

LEAST_DENSITY = 0.1  # fewer weights are not worth training
_GOOD_DENSITY = 0.25  # channels go before weights get sparser
_LINKS = 3
_HALVINGS = 7
_JUDGED = 256  # samples


def masks_within(cost: MaskCost, scores: Scores, flash_bytes: int) -> tuple[dict[str, Tensor], Footprint, Footprint]:
    """The densest masks whose linked image takes at most `flash_bytes`; the sparsest where none does.

    Returns:
        The masks, empty where they are not needed or save nothing; the footprint with them, and without.
    """
    unmasked, layers = cost.unmasked(), cost.layers
    if unmasked.flash_bytes <= flash_bytes:
        return {}, unmasked, unmasked
    masks = masks_at(layers, scores, LEAST_DENSITY)
    built = cost.built(masks)
    if built.flash_bytes >= unmasked.flash_bytes:
        return {}, unmasked, unmasked
    best = (masks, built)
    for _ in range(_LINKS):
        masks = _densest(cost, scores, flash_bytes)
        built = cost.built(masks)
        if built.flash_bytes <= flash_bytes and density_of(masks) >= density_of(best[0]):
            best = (masks, built)
            if built.flash_bytes > 0.99 * flash_bytes:
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


def room_with_masks(job: Job, name: str, cost: MaskCost, scores: Scores, budget: Budget) -> dict[str, int]:
    """The budget to choose channels for, since masks will save flash: flash and RAM.

    Weights are taken to shrink everywhere as they do with a quarter of them left; arrays alone do, code does not.
    """
    unmasked, masked = cost.unmasked(), cost.built(masks_at(cost.layers, scores, _GOOD_DENSITY))
    if masked.flash_bytes >= unmasked.flash_bytes:
        job.progress.note(
            f"{name}: masks would save nothing, the {job.deployment.product} takes {unmasked.flash_bytes:,} B "
            f"as it is and {masked.flash_bytes:,} B with {_GOOD_DENSITY:.0%} of the weights: channels go instead"
        )
        return {"flash_bytes": budget.flash_bytes, "ram_bytes": budget.ram_bytes}
    fixed = masked.flash_bytes - _arrays(masked)
    share = _arrays(masked) / _arrays(unmasked)
    plain_fixed = unmasked.flash_bytes - _arrays(unmasked)
    flash_bytes = plain_fixed + max(0.0, budget.flash_bytes - fixed) / share
    more_ram = max(0, masked.ram_bytes - unmasked.ram_bytes)
    return {
        "flash_bytes": max(budget.flash_bytes, int(flash_bytes)),
        "ram_bytes": max(1, budget.ram_bytes - more_ram),
    }


def _arrays(footprint: Footprint) -> int:
    return footprint.flash_parts["weights"] + footprint.flash_parts["tables"]


def damage_on(job: Job, module: nn.Module, masks: Masks) -> float:
    """The loss on calibration samples with these masks, nothing trained."""
    tried = copied(module)
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


def stored_of(layers: Sequence[Kernels]) -> Mapping[str, Tensor]:
    """Where the weights of these layers are not zero in the file: int8 rounds small ones to it."""
    stored = {}
    for layer in layers:
        values = layer.weights.detach().cpu().numpy()
        steps = np.round(values / weight_scales(values, axis=0).reshape(-1, 1, 1))
        stored[layer.parameter] = torch.from_numpy(steps != 0)
    return stored
