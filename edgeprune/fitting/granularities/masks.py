"""The granularities that mask weights: `prune/masks` ranks them, the linked image decides how many have to go.

Channels are thinned first, as far as RAM, time and the flash that no mask can save require.
"""

from __future__ import annotations

import inspect
from dataclasses import replace

from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.protocol import Cost, MaskCost
from edgeprune.fitting.granularity import Hold, MaskSaving, after_channels, zeros
from edgeprune.fitting.job import Job
from edgeprune.fitting.kept_weights import KeptWeights, OwnValues, SharedValues
from edgeprune.fitting.mask_density import (
    damage_on,
    in_parameters,
    masks_of,
    masks_within,
    room_with_masks,
    stored_of,
)
from edgeprune.prune.masks.clusters import clusters
from edgeprune.prune.masks.kernels import kernels
from edgeprune.prune.masks.masking import Judge, Scores, density_of
from edgeprune.prune.masks.patterns import patterns
from edgeprune.prune.masks.randomized import randomized
from edgeprune.prune.masks.weights import weights
from edgeprune.prune.network import Network
from edgeprune.train.evaluate import bn_reestimate

_PAYS = (
    "Weights that are zero leave RAM as it is. They are left out of flash by the engine's compressed storage, which "
    "only `--optimize size` uses and only where the image gets smaller; the run's record states the bytes saved."
)


def _register(name: str, judge: Judge, kept: KeptWeights) -> None:
    def scores(job: Job, module: nn.Module, cost: MaskCost) -> Scores:
        return judge(cost.layers, lambda masks: damage_on(job, module, masks))

    def room(job: Job, network: Network, cost: Cost, budget: Budget, stage: str) -> Budget:
        masked = cost.of(network).masks(kept.synthetic)

        def measure() -> dict[str, int]:
            return room_with_masks(job, name, masked, scores(job, network.module, masked), budget)

        allowed = job.workspace.once(f"{stage}: what masks can save", measure)
        return replace(budget, flash_bytes=allowed["flash_bytes"], ram_bytes=allowed["ram_bytes"])

    def begin(job: Job, module: nn.Module, cost: Cost, budget: Budget, step: str) -> Hold:
        network = Network.of(module, job.input_shape)
        masked = cost.of(network).masks(kept.synthetic)
        masks, built, unmasked = masks_within(masked, scores(job, module, masked), budget.flash_bytes)
        if not masks:
            job.progress.note(
                f"{name}: nothing is masked, the {job.deployment.product} takes {unmasked.flash_bytes:,} B as it is"
                + ("" if unmasked.flash_bytes <= budget.flash_bytes else " and no less with masks")
            )
            return zeros(module, {})
        job.progress.note(
            f"{name}: {density_of(masks):.1%} of the weights stay, the {job.deployment.product} takes "
            f"{built.flash_bytes:,} B instead of {unmasked.flash_bytes:,} B"
        )
        hold = kept.hold(module, in_parameters(module, masks))
        bn_reestimate(module, job.splits.calibration)
        return hold

    def predict(job: Job, network: Network, cost: Cost) -> MaskSaving | None:
        masked = cost.of(network).masks(kept.synthetic)
        masks = masks_of(network, masked.layers)
        if density_of(masks) == 1.0 and not kept.compress_unmasked(masked.layers):
            return None
        unmasked = masked.unmasked()
        return MaskSaving(density_of(masks), masked.built(stored_of(masked.layers)), unmasked.flash_bytes)

    text = f"{inspect.getdoc(judge) or ''}\n\n{_PAYS}"
    after_channels(name, text, begin=begin, again=kept.again, room=room, saving=predict)


for _name, _judge in (("weights", weights), ("kernels", kernels), ("patterns", patterns), ("randomized", randomized)):
    _register(_name, _judge, OwnValues())
_register("clusters", clusters, SharedValues())
