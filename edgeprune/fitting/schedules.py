"""Ways from a trained network to a thinned one, trained again, at widths chosen before: what `compare` compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.fitting.rounds import thin_to
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.model.load import load_module
from edgeprune.prune.score import rank_channels
from edgeprune.prune.surgery import apply_widths, thin

_ITERATIONS = 3


def _one_shot(job: Job, original: Network, widths: Mapping[str, int], stage: str) -> nn.Module:
    """All channels at once, then all of the training, whose rate starts at its peak again: learning-rate rewinding.

    Renda, Frankle, Carbin, "Comparing Rewinding and Fine-tuning in Neural Network Pruning", ICLR 2020,
    arXiv:2003.02389.
    """
    once = replace(job, options=replace(job.options, steps=1))
    return thin_to(once, original, widths, original.module, job.options.epochs, stage)[0].module


def _iterative(job: Job, original: Network, widths: Mapping[str, int], stage: str) -> nn.Module:
    """In three steps (fewer where there are fewer epochs), scored anew and trained after each; a step that hurts is
    undone and taken in two."""
    steps = min(_ITERATIONS, max(1, job.options.epochs))
    stepwise = replace(job, options=replace(job.options, steps=steps))
    return thin_to(stepwise, original, widths, original.module, job.options.epochs, stage)[0].module


def _scratch(job: Job, original: Network, widths: Mapping[str, int], stage: str) -> nn.Module:
    """The same widths drawn at random and trained as long: what the surviving weights are worth.

    Liu et al., "Rethinking the Value of Network Pruning", ICLR 2019, arXiv:1810.05270.
    """
    module = apply_widths(original.module, original.groups, widths)
    for layer in module.modules():
        reset = getattr(layer, "reset_parameters", None)
        if callable(reset):
            reset()
    return _trained(job, module, original.module, stage)


def rewound(early: str, job: Job, original: Network, widths: Mapping[str, int], stage: str) -> nn.Module:
    """The channels the trained network would keep, their weights put back to where they were early in training.

    Frankle, Carbin, "The Lottery Ticket Hypothesis", ICLR 2019, arXiv:1803.03635; not quite to the start: Frankle et
    al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020, arXiv:1912.05671.
    """
    samples = job.splits.calibration
    ranking = rank_channels(
        original.module, original.groups, job.options.criterion, samples.tensor(), samples.targets, job.objective.loss
    )
    keep = {name: sorted(ranking[name][:width]) for name, width in widths.items()}
    module = load_module(job.project.model.entry, Path(early), job.project.root)
    return _trained(job, thin(module, original.groups, keep), original.module, stage)


def _trained(job: Job, module: nn.Module, teacher: nn.Module, stage: str) -> nn.Module:
    folder = job.workspace.folder / "steps" / stage.replace(", ", "-").replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_of(job, job.options.epochs)
    if settings.epochs > 0:
        train(job, module, settings, teacher, stage, folder)
    (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
    return module


Schedule = Callable[[Job, Network, Mapping[str, int], str], nn.Module]
SCHEDULES: Mapping[str, Schedule] = {"one-shot": _one_shot, "iterative": _iterative, "scratch": _scratch}
