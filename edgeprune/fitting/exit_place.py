"""Where a network is left early: the place with the fewest mean instructions, or the one the user named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edgeprune.cost.latency import predicted_instructions
from edgeprune.errors import DoesNotFit, EdgePruneError, ModelError, UsageError
from edgeprune.fitting.cost import int8_graph
from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.graph.early_exit import added, choose_margin, leaves, passing_by, skipped
from edgeprune.ir import Graph
from edgeprune.kernels import lower
from edgeprune.kernels.base import KernelCall
from edgeprune.model.exits import ExitPlace, WithExit, exit_places
from edgeprune.target.profile import Cpu
from edgeprune.train.exit_head import known_halfway, trained_layer

_MOST_SAMPLES = 50_000  # heads are tried on: with few, those of many features look worse than they are
_LEAST_SAVING = 0.1  # of the instructions: where an input that leaves would save less, nothing is tried


@dataclass(frozen=True)
class Work:
    """Predicted instructions of a network with an exit, or MACs where a kernel was never measured.

    early: up to the choice, the exit's own included; late: behind it; whole: of the network without exit.
    """

    early: float
    late: float
    whole: float

    @staticmethod
    def of(graph: Graph, calls: Sequence[KernelCall], cpu: Cpu) -> Work:
        each = [0.0 if call.is_view else predicted_instructions(call, cpu) for call in calls]
        known = [one for one in each if one is not None]
        costs = known if len(known) == len(each) else [float(call.work.macs) for call in calls]
        late, own = (sum(costs[index] for index in part) for part in (skipped(graph), added(graph)))
        return Work(sum(costs) - late, late, sum(costs) - own)

    def share(self, leaving: float) -> float:
        """Mean work, of that without exit, when this share (0..1) of inputs leaves."""
        return (self.early + (1 - leaving) * self.late) / self.whole


def refuse_tasks(job: Job, network: Network) -> None:
    """Raises UsageError or ModelError where there are no classes to be sure of."""
    targets = job.splits.train.targets
    if targets.is_floating_point():
        raise UsageError(
            "an early exit chooses between classes, and the targets are numbers", hint="leave --early-exit away"
        )
    shape = network.traced.graph.tensors[network.traced.graph.outputs[0]].shape
    if len(network.traced.graph.outputs) != 1 or len(shape) != 2 or shape[1] < 2:
        raise ModelError(
            f"an early exit chooses between classes, and the network answers {shape}",
            hint="one output (N, classes) of two classes or more; or leave --early-exit away",
        )


def choose_place(job: Job, network: Network) -> ExitPlace:
    """The user's place, or the best there is.

    Raises:
        UsageError: the network has no such layer.
        ModelError: the network cannot be left there, or anywhere.
        DoesNotFit: it can, but that saves nothing.
    """
    places = exit_places(network.module, job.splits.train.take(1).tensor())
    wished = job.options.exit_after
    if wished is not None:
        found = next((place for place in places if place.after == wished), None)
        if found is None:
            names = ", ".join(place.after for place in places[:12])
            raise UsageError(
                f"no layer '{wished}' gives one image or vector a sample", hint=f"exit_after can be {names} ..."
            )
        _work_at(job, network, found)
        return found
    ways: dict[Work, ExitPlace] = {}
    for place in sorted(places, key=lambda one: len(one.after)):  # of modules that give the same, the outermost
        try:
            work = _work_at(job, network, place)
        except EdgePruneError:
            continue
        if work.late >= _LEAST_SAVING * work.whole:
            ways.setdefault(work, place)
    if not ways:
        raise ModelError(
            "there is nowhere to leave the network early: no layer with a good part of the work behind it is the only "
            "way on",
            hint="leave --early-exit away, or name a layer with exit_after in [training]",
        )
    return _best(job, network, ways)


def _best(job: Job, network: Network, ways: dict[Work, ExitPlace]) -> ExitPlace:
    """The place with the fewest mean instructions, judged by heads of their own and validation."""
    places, train, validation = list(ways.values()), job.splits.train.take(_MOST_SAMPLES), job.splits.validation
    metric = job.objective.metric
    _, taught = known_halfway(network.module, places, train)
    own, asked = known_halfway(network.module, places, validation)
    targets = validation.targets[: len(own)]
    before, shares = float(metric.score(own, targets)), []
    for work, place, features, seen in zip(ways, places, taught, asked, strict=True):
        layer = trained_layer(features, train.targets[: len(features)], own.shape[1])
        with torch.no_grad():
            early = layer(seen)
        scale = float(torch.cat([own, early]).abs().max()) / 127
        own_int8, early_int8 = (np.rint(one.numpy() / scale).astype(np.int8) for one in (own, early))

        def lost_points(chosen: np.ndarray, scale: float = scale) -> float:
            return metric.drop_points(
                before, float(metric.score(torch.from_numpy(chosen * np.float32(scale)), targets))
            )

        margin = choose_margin(own_int8, early_int8, lost_points, job.options.early_exit or 0.0)
        leaving = 0.0 if margin is None else float(leaves(early_int8, margin).mean())
        shares.append(work.share(leaving))
        job.progress.note(
            f"leaving behind {place.after}: {leaving:.1%} of inputs, {shares[-1]:.1%} of the instructions"
        )
    best = int(np.argmin(shares))
    if shares[best] >= 1:
        raise DoesNotFit(
            f"leaving early saves nothing at {job.options.early_exit} points of {metric.name}: at best, behind "
            f"{places[best].after}, {shares[best]:.1%} of the instructions stay",
            hint="allow more points (--early-exit 2), or leave --early-exit away",
        )
    return places[best]


def _work_at(job: Job, network: Network, place: ExitPlace) -> Work:
    """What leaving there would save.

    Raises:
        ModelError: the network cannot be left there.
    """
    leaving = untrained(job, network, place)
    graph = int8_graph(leaving, leaving.widths)
    own = added(graph)
    if _layers(graph, own) != _layers(int8_graph(network, network.widths), frozenset()):
        raise ModelError(
            f"leaving behind {place.after} would take layers apart that are one operator on the device",
            hint="leave behind a whole block: after its batch norm and activation",
        )
    if len(passing_by(graph)) != 1:
        raise ModelError(
            f"what follows {place.after} reads {len(passing_by(graph))} activations from before it",
            hint="leave between two blocks, where no shortcut passes by",
        )
    return Work.of(graph, lower(graph, job.target.cpu.isa, job.options.kernels), job.target.cpu)


def _layers(graph: Graph, without: frozenset[int]) -> list[tuple[str, str, str]]:
    return sorted(
        (str(op.kind), op.name, str(op.attrs.get("activation")))
        for index, op in enumerate(graph.ops)
        if index not in without
    )


def untrained(job: Job, network: Network, place: ExitPlace) -> Network:
    """The network with an exit there whose head knows nothing yet: for shapes and sizes."""
    try:
        answer, (features,) = known_halfway(network.module, [place], job.splits.train.take(1))
    except AttributeError:
        raise ModelError(
            f"the network has lost its layer '{place.after}', where it was to be left early",
            hint="name another with exit_after in [training]",
        ) from None
    head = place.head(features.shape[1], answer.shape[1])
    leaving = Network.of(WithExit(network.module, place.after, head), job.input_shape, network.removed)
    if leaving.widths != network.widths:
        raise ModelError(f"leaving behind {place.after} would tie its channels", hint="leave behind another layer")
    return leaving
