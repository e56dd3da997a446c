"""`edgeprune criteria compare`: which criterion keeps most at the limits, before any training.

Each goes the way `fit` goes up to its training: sensitivities, widths within the limits, images linked for them, layers
solved again. Widths and channels are chosen without a look at the validation samples, which then tell the criteria
apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

import torch
from torch import nn

from edgeprune.budget import Budget, Footprint
from edgeprune.errors import DoesNotFit, EdgePruneError, ModelError, UsageError
from edgeprune.fitting.constant_samples import refuse_constant
from edgeprune.fitting.job import FitOptions
from edgeprune.fitting.rounds import allocate_widths, thin_to
from edgeprune.hardware.profile import Target
from edgeprune.model.answers import mapped
from edgeprune.progress import Progress
from edgeprune.project.file import Project
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.tasks.loaded import Loaded
from edgeprune.tasks.untrained.job import untrained_job
from edgeprune.train.evaluate import evaluate, outputs_of
from edgeprune.train.metrics import Metric
from edgeprune.train.splits import Split

_PARTS, _FEWEST_IN_A_PART = 10, 8
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Kept:
    """What a criterion leaves of the network at the limits.

    Attributes:
        score: the metric on validation samples, after thinning alone.
        parts: the same on each of equal parts of them, for the noise; one where samples are few.
        behind: the best one's lead in the metric, 0 of the best itself; noise: its standard error over the parts, None
            where they were too few.
        predicted: footprint at `widths`.
        cpu_s: that finding it took.
    """

    criterion: str
    score: float
    parts: tuple[float, ...]
    widths: dict[str, int]
    predicted: Footprint
    cpu_s: float
    behind: float = 0.0
    noise: float | None = None

    @property
    def is_within_noise(self) -> bool:
        """Whether chance can explain how far it is behind; what nobody could judge is not."""
        return self.behind == 0 or (self.noise is not None and self.behind <= _STANDARD_ERRORS * self.noise)


@dataclass(frozen=True)
class CriteriaCompared:
    """before: the metric of the network as it is, on `samples` validation samples. kept: the best first. refused: those
    that this network cannot be ranked by, and why."""

    metric: str
    before: float
    samples: int
    kept: tuple[Kept, ...]
    refused: dict[str, str]


def compare_criteria(
    project: Project,
    loaded: Loaded,
    target: Target,
    budget: Budget,
    criteria: Sequence[str],
    options: FitOptions,
    progress: Progress,
) -> CriteriaCompared:
    """Thins the network to its limits by each criterion and scores what is left; nothing is trained.

    Raises:
        UsageError: an unknown criterion, or the network fits as it is.
        DoesNotFit: no widths meet the limits.
        ModelError: no criterion can rank this network.
        EdgePruneError: as a fit finds before it trains.
    """
    for name in criteria:
        CRITERIA.find(name)
    refuse_constant(loaded.constant)
    network = Network.of(loaded.module, project.model.sample_shape)
    metric, validation = loaded.objective.metric, loaded.splits.validation
    with untrained_job(project, loaded.splits, loaded.objective, target, budget, options, progress) as job:
        job.deployment.check(network)
        cost = job.deployment.cost(network)
        if cost.footprint(network.widths).fits(budget):
            raise UsageError(
                f"{project.model.name} fits {target.name} as it is: there is nothing to choose",
                hint="give smaller limits, for example --flash 64KiB",
            )
        kept, refused = list[Kept](), dict[str, str]()
        for name in criteria:
            mine, start = replace(job, options=replace(job.options, criterion=name)), time.process_time()
            torch.manual_seed(project.training.seed)
            progress.note(f"{name}: sensitivities, widths, layers solved again")
            try:
                widths, linked = allocate_widths(mine, network, cost, budget, name)
                thinned, (step,) = thin_to(mine, network, widths, network.module, 0, name)
            except DoesNotFit:
                raise
            except EdgePruneError as error:
                refused[name] = error.message
                continue
            parts, cpu_s = _scores(thinned.module, validation, metric), time.process_time() - start
            kept.append(Kept(name, step.score, parts, widths, linked.footprint(widths), cpu_s))
    if not kept:
        reasons = "".join(f"\n  {name}: {why}" for name, why in refused.items())
        raise ModelError(
            f"no criterion can rank this network:{reasons}", hint="`edgeprune criteria list` names what each needs"
        )
    before = evaluate(loaded.module, validation, metric)
    return CriteriaCompared(metric.name, before, len(validation), ranked(kept, metric), refused)


def ranked(kept: Sequence[Kept], metric: Metric) -> tuple[Kept, ...]:
    """The best first, and how far each is behind it; differences are taken part by part, of the same samples."""
    sign = 1 if metric.higher_is_better else -1
    ordered = sorted(kept, key=lambda one: -sign * one.score)
    behind = []
    for one in ordered:
        leads = [sign * (best - own) for best, own in zip(ordered[0].parts, one.parts, strict=True)]
        noise = statistics.stdev(leads) / len(leads) ** 0.5 if len(leads) > 1 else None
        behind.append(replace(one, behind=sign * (ordered[0].score - one.score), noise=noise))
    return tuple(behind)


def _scores(module: nn.Module, split: Split, metric: Metric) -> tuple[float, ...]:
    """The metric over each of the equal parts of a split; over all of it where they would hold too little."""
    outputs, count = outputs_of(module, split), max(1, min(_PARTS, len(split) // _FEWEST_IN_A_PART))
    parts = torch.tensor_split(torch.arange(len(split)), count)
    return tuple(float(metric.score(mapped(itemgetter(rows), outputs), split.targets[rows])) for rows in parts)
