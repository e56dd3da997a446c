"""What a fit could come to, said in seconds and before any training: out of reach, or at what cost untrained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from edgeprune.budget import Budget, Footprint
from edgeprune.errors import DoesNotFit
from edgeprune.fitting.job import FitOptions, Job
from edgeprune.fitting.rounds import Recovery, allocate_widths, readers_solved, thin_to
from edgeprune.hardware.profile import Target
from edgeprune.progress import Progress
from edgeprune.project.file import Project
from edgeprune.prune.network import Network
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.tasks.loaded import Loaded
from edgeprune.tasks.untrained.job import untrained_job
from edgeprune.train.evaluate import evaluate
from edgeprune.train.splits import Splits

_MACS = 6e10  # of forward passes that measure, and as many that solve: about ten seconds on one core
_PASSES_A_GROUP, _OTHER_PASSES = 5, 12
_FEWEST, _MOST, _VALIDATION = 16, 256, 500  # samples


@dataclass(frozen=True)
class Outlook:
    """Of a network that does not fit as it is.

    Attributes:
        reach: "fits after thinning", "cannot", or "unknown" where finding out takes too long.
        told: in words, the least that can be reached among them.
        widths: channels a group that would stay; none unless it fits after thinning.
        predicted: footprint at those widths.
        metric: its name; before, untrained: on the same validation samples, as it is and thinned without training.
        samples: of validation.
    """

    reach: str
    told: str
    widths: dict[str, int]
    predicted: Footprint | None = None
    metric: str | None = None
    before: float | None = None
    untrained: float | None = None
    samples: int = 0


def thinned_untrained(
    job: Job, network: Network, budget: Budget, recovery: Recovery = readers_solved
) -> tuple[Network, dict[str, int]]:
    """The network at the widths that lose least within the budget, its layers solved again, and those widths.

    Args:
        recovery: as in `allocate_widths`.

    Raises:
        DoesNotFit: no widths do.
    """
    widths, _ = allocate_widths(job, network, job.deployment.cost(network), budget, "untrained", recovery)
    thinned, _ = thin_to(job, network, widths, network.module, 0, "untrained")
    return thinned, widths


def outlook(
    project: Project,
    loaded: Loaded,
    target: Target,
    budget: Budget,
    options: FitOptions,
    progress: Progress,
) -> Outlook:
    """Thins the network to its limits on a few samples, trains nothing, and scores what is left."""
    module, splits, objective = loaded.module, loaded.splits, loaded.objective
    network = Network.of(module, project.model.sample_shape)
    count = _affordable(network)
    if count < _FEWEST:
        return Outlook("unknown", "too large to say in half a minute: `edgeprune fit` finds out", {})
    few = Splits(
        train=splits.train.take(4 * count),
        calibration=splits.calibration.take(count),
        validation=splits.validation.take(_VALIDATION),
        test=splits.test.take(1),
    )
    with untrained_job(project, few, objective, target, budget, options, progress) as job:
        torch.manual_seed(project.training.seed)
        try:
            thinned, widths = thinned_untrained(job, network, budget, partial(readers_solved, most=count))
        except DoesNotFit as refused:
            return Outlook("cannot", refused.message, {})
        predicted = job.deployment.cost(network).footprint(widths)
        before, after = (evaluate(one, few.validation, objective.metric) for one in (module, thinned.module))
    name, samples = objective.metric.name, len(few.validation)
    told = f"{name} {before:.4g} before, {after:.4g} thinned and untrained, on {samples} validation samples"
    return Outlook("fits after thinning", told, widths, predicted, name, before, after, samples)


def _affordable(network: Network) -> int:
    """Samples that the sensitivity analysis can look at."""
    macs = float(SizeModel(network.traced.graph, {}, []).sizes(np.zeros((1, 0))).op_work.sum())
    passes = _PASSES_A_GROUP * len(network.groups.groups) + _OTHER_PASSES
    return min(_MOST, int(_MACS / (max(1, macs) * passes)))
