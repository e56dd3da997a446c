"""One round: choose widths for a budget, thin towards them in steps, train after each, undo one that lost too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from torch import nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.protocol import Cost
from edgeprune.errors import DoesNotFit
from edgeprune.fitting.granularity import Hold, nothing
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import EpochRecord, StepRecord
from edgeprune.fitting.recover import samples_to_measure_with, thin_and_recover
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.model.twin import copied
from edgeprune.prune.network import Network
from edgeprune.prune.recovery.reconstruct import Reconstruction
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.prune.widths.allocate import GroupChoice, allocate
from edgeprune.prune.widths.damage_curves import (
    Probe,
    Recover,
    class_distance,
    measure_damage_curves,
    not_at_all,
    value_distance,
)
from edgeprune.prune.widths.size_model import SizeModel
from edgeprune.prune.widths.waypoint import waypoint
from edgeprune.train.evaluate import evaluate

Recovery = Callable[[Job, Network], Recover]
BeginStep = Callable[[nn.Module, str], Hold]
_CURVE_SAMPLES = 256
_SOLVED_SAMPLES, _SOLVED_ROWS = 320, 10_240  # that readers are solved from before damage is measured
_MOST_UNDONE = 2
_MOST_SIZING_LINKS = 5


def nothing_held(module: nn.Module, step: str) -> Hold:
    """Training may move every weight."""
    return nothing


def readers_solved(job: Job, network: Network, most: int = _SOLVED_SAMPLES) -> Recover:
    """What a fit does right after thinning, for the layers that read what went; nothing where that took minutes.

    Args:
        most: samples to solve from; with too few of them nothing is solved either.
    """
    count = samples_to_measure_with(network.traced, len(network.groups.groups), most)
    if count == 0:
        return not_at_all
    inputs = job.splits.train.take(count).tensor()
    return Reconstruction(network.module, network.groups, inputs, _SOLVED_ROWS).apply_to_readers


def as_thinned(job: Job, network: Network) -> Recover:
    """Nothing: of networks whose weights are masked next, which takes what makes up for channels."""
    return not_at_all


def allocate_widths(
    job: Job, network: Network, cost: Cost, budget: Budget, stage: str, recovery: Recovery = readers_solved
) -> tuple[dict[str, int], Cost]:
    """The widths to thin to, and the costs as a link at those widths corrected them.

    Before any training the chosen widths are linked and the search starts again from the corrected costs, until the
    widths stay: an image over the budget is detected, and flash that turned out to be free is used.

    Args:
        recovery: what is done for a thinned network before its damage is measured.

    Raises:
        DoesNotFit: no widths meet the budget; the message states what could be reached.
    """
    choices = _choices(job, network, stage, recovery)
    model = SizeModel(network.traced.graph, network.groups.extents, [choice.group for choice in choices])
    tried: list[tuple[bool, float, dict[str, int], Cost]] = []
    for _ in range(_MOST_SIZING_LINKS):
        chosen = allocate(choices, model, cost.footprint, budget)
        widths = dict(chosen.widths)
        if any(widths == earlier for _, _, earlier, _ in tried):
            break
        cost = cost.corrected(widths)
        tried.append((cost.footprint(widths).exceeds(budget), chosen.damage, widths, cost))
    _, _, widths, cost = min(tried, key=lambda candidate: candidate[:2])
    return widths, cost


def held_widths(job: Job, network: Network, cost: Cost, budget: Budget) -> tuple[dict[str, int], Cost] | None:
    """The widths that were asked for, and the costs as a link at them corrected them.

    Returns:
        None where none were asked for, or they do not hold: the network has other channel groups, or they are over the
        budget.
    """
    wanted = job.options.widths
    if wanted is None:
        return None
    if any(not 1 <= wanted.get(name, 0) <= width for name, width in network.widths.items()):
        job.progress.note("the widths of before are of other channels: chosen anew")
        return None
    widths = {name: wanted[name] for name in network.widths}
    cost = cost.corrected(widths)
    if cost.footprint(widths).exceeds(budget):
        job.progress.note("the widths of before are over the limits: chosen anew")
        return None
    return widths, cost


def _choices(job: Job, network: Network, stage: str, recovery: Recovery) -> tuple[GroupChoice, ...]:
    samples = job.splits.calibration.take(_CURVE_SAMPLES).tensor()
    distance = class_distance if job.objective.loss_name == "cross_entropy" else value_distance

    def measure() -> list[dict[str, Any]]:
        with job.progress.task("sensitivity analysis of each layer", len(network.groups.groups)) as task:
            measured = measure_damage_curves(
                network.module,
                network.groups,
                _ranking(job, network),
                job.target.channel_multiple,
                Probe(samples, distance),
                lambda name: task.advance(detail=name),
                recover=recovery(job, network),
            )
        return [asdict(choice) for choice in measured]

    return tuple(
        GroupChoice(noted["group"], tuple(noted["widths"]), tuple(noted["damage"]))
        for noted in job.workspace.once(f"{stage}: damage curves", measure)
    )


def thin_to(
    job: Job,
    start: Network,
    goal: Mapping[str, int],
    teacher: nn.Module,
    epochs: int,
    stage: str,
    begin: BeginStep = nothing_held,
) -> tuple[Network, list[StepRecord]]:
    """Thins `start` to `goal` in steps, the last with most of the training; the trained network and the steps it took.

    A step whose validation score falls more than `step_drop_points` below the original's is undone and half of it is
    taken first, while epochs are left for that.

    Args:
        begin: (thinned module, step) -> what training holds.
    """
    network, undone, epochs_left = start, 0, epochs
    steps: list[StepRecord] = []
    parts = [(number + 1) / job.options.steps for number in range(job.options.steps)]
    while parts:
        part, number = parts[0], len(steps) + 1
        widths = _towards(network, goal, part if len(parts) > 1 else 1.0)
        share = epochs_left if len(parts) == 1 else min(epochs_left, max(1, epochs_left // (2 * len(parts))))
        trained, result = _step(job, network, widths, teacher, share, f"{stage}: step {number}", begin)
        epochs_left -= share
        lost_too_much = result["drop_points"] > job.options.step_drop_points
        undo = lost_too_much and len(parts) > 1 and undone < _MOST_UNDONE and epochs_left > len(parts)
        steps.append(
            StepRecord(
                widths=dict(widths),
                score=result["score"],
                epochs=share,
                undone=undo,
                drop_points=result["drop_points"],
                allowed_points=job.options.step_drop_points,
                training=tuple(EpochRecord(**epoch) for epoch in result["training"]),
            )
        )
        if undo:
            undone += 1
            job.progress.note(f"step {number} lost {result['drop_points']:.2f} points: undone, half of it comes first")
            parts = [part / 2, *parts]
            continue
        network = trained
        parts.pop(0)
    return network, steps


def _towards(network: Network, goal: Mapping[str, int], part: float) -> dict[str, int]:
    choices = [
        GroupChoice(group.name, tuple(range(1, group.size + 1)), (0.0,) * group.size) for group in network.groups.groups
    ]
    return waypoint(choices, network.widths, goal, part)


def _step(
    job: Job,
    network: Network,
    widths: Mapping[str, int],
    teacher: nn.Module,
    epochs: int,
    stage: str,
    begin: BeginStep,
) -> tuple[Network, dict[str, Any]]:
    folder = job.workspace.folder / "steps" / stage.replace(": ", "-").replace(" ", "-")

    def take() -> dict[str, Any]:
        module = _thinned(job, network, widths)
        hold = begin(module, stage)
        settings = settings_of(job, epochs)
        trained = train(job, module, settings, teacher, f"{stage}: training", folder, hold) if epochs > 0 else None
        score = evaluate(module, job.splits.validation, job.objective.metric)
        before = evaluate(teacher, job.splits.validation, job.objective.metric)
        Network.of(module, job.input_shape, network.removed).save(folder)
        (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return {
            "widths": dict(widths),
            "score": score,
            "drop_points": job.objective.metric.drop_points(before, score),
            "epochs": epochs,
            "training": [] if trained is None else [asdict(epoch) for epoch in trained.epochs],
        }

    result = job.workspace.once(stage, take, folder)
    return network.load_thinned(folder, job.input_shape), result


def _thinned(job: Job, network: Network, widths: Mapping[str, int]) -> nn.Module:
    if widths == network.widths:
        return copied(network.module)
    ranking = _ranking(job, network)
    keep = {name: sorted(ranking[name][:width]) for name, width in widths.items()}
    return thin_and_recover(job, network, keep)


def _ranking(job: Job, network: Network) -> dict[str, list[int]]:
    samples = job.splits.calibration
    return rank_channels(
        network.module, network.groups, job.options.criterion, samples.tensor(), samples.targets, job.objective.loss
    )


def tightened(budget: Budget, measured: Footprint, limits: Budget) -> Budget:
    """The budget for the next round, smaller than this one by what the measured footprint is over the limits.

    RAM stays: variables and stack, which are not predicted, are exact once measured (`Cost.measured`).

    Raises:
        DoesNotFit: nothing would be left.
    """
    flash_over = max(0, measured.flash_bytes - limits.flash_bytes)
    if budget.flash_bytes <= flash_over:
        raise DoesNotFit(
            f"what was built is over its limit by {flash_over:,} B",
            hint="choose a larger target (`edgeprune targets list`)",
        )
    share = max(1.0, measured.excess(limits).get("latency", 1.0))
    return replace(
        budget,
        flash_bytes=budget.flash_bytes - flash_over,
        latency_us=None if budget.latency_us is None else budget.latency_us / share,
    )
