"""The granularities that mask weights: `prune/masks` says which go, the linked image how many have to.

Channels are thinned first, as far as RAM, time and the flash that no mask can save ask for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from edgeprune.budget import Budget
from edgeprune.fitting.cost import WidthCost
from edgeprune.fitting.granularity import Hold, Masked, after_channels, zeros, zeros_again
from edgeprune.fitting.job import Job
from edgeprune.fitting.masked import (
    MaskCost,
    damage_on,
    in_parameters,
    masks_of,
    masks_within,
    room_with_masks,
)
from edgeprune.fitting.network import Network
from edgeprune.prune.masks.clusters import clustered, clustered_again, clusters, lies_on_levels
from edgeprune.prune.masks.kernels import kernels
from edgeprune.prune.masks.masking import Judge, Masks, Scores, density_of
from edgeprune.prune.masks.patterns import patterns
from edgeprune.prune.masks.randomized import randomized
from edgeprune.prune.masks.weights import weights
from edgeprune.train.evaluate import bn_reestimate

_PAYS = (
    "Weights that are zero leave RAM as it is. They are left out of flash by the engine's compressed storage, which "
    "only `--optimize size` uses and only where the image gets smaller; the run's record says what that saved."
)


def _register(name: str, judge: Judge, again: Callable[[nn.Module], Hold], shares_values: bool) -> None:
    def cost_of(job: Job, network: Network, cost: WidthCost) -> MaskCost:
        return MaskCost(job, network, cost, shares_values)

    def scores(job: Job, module: nn.Module, cost: MaskCost) -> Scores:
        return judge(cost.layers, lambda masks: damage_on(job, module, masks))

    def room(job: Job, network: Network, cost: WidthCost, budget: Budget, stage: str) -> Budget:
        masked = cost_of(job, network, cost)

        def measure() -> dict[str, int]:
            return room_with_masks(job, masked, scores(job, network.module, masked), budget)

        allowed = job.workspace.once(f"{stage}: what masks can save", measure)
        return replace(budget, flash_bytes=allowed["flash_bytes"], ram_bytes=allowed["ram_bytes"])

    def begin(job: Job, module: nn.Module, cost: WidthCost, budget: Budget, step: str) -> Hold:
        network = Network.of(module, job.input_shape)
        masked = cost_of(job, network, cost)
        masks, found, unmasked = masks_within(masked, scores(job, module, masked), budget.flash_bytes)
        if not masks:
            job.progress.note(
                f"{name}: nothing is masked, the linked image takes {unmasked.flash_bytes:,} B as it is"
                + ("" if unmasked.flash_bytes <= budget.flash_bytes else " and no less with masks")
            )
            return zeros(module, {})
        job.progress.note(
            f"{name}: {density_of(masks):.1%} of the weights stay, the linked image takes {found.flash_bytes:,} B "
            f"instead of {unmasked.flash_bytes:,} B"
        )
        hold = _hold(module, in_parameters(module, masks))
        bn_reestimate(module, job.splits.calibration)
        return hold

    def _hold(module: nn.Module, masks: Masks) -> Hold:
        return clustered(module, masks) if shares_values else zeros(module, masks)

    def predict(job: Job, network: Network, cost: WidthCost) -> Masked | None:
        masked = cost_of(job, network, cost)
        masks = masks_of(network, masked.layers)
        shared = shares_values and all(lies_on_levels(layer.weights.flatten(1)) for layer in masked.layers)
        if density_of(masks) == 1.0 and not shared:
            return None
        unmasked = masked.unmasked()
        return Masked(density_of(masks), masked.linked(masks), unmasked.flash_bytes)

    text = f"{inspect.getdoc(judge) or ''}\n\n{_PAYS}"
    after_channels(name, text, begin=begin, again=again, room=room, masked=predict)


for _name, _judge in (("weights", weights), ("kernels", kernels), ("patterns", patterns), ("randomized", randomized)):
    _register(_name, _judge, zeros_again, shares_values=False)
_register("clusters", clusters, clustered_again, shares_values=True)
