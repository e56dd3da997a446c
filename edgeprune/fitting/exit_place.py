"""Where a network is left early: the place with the fewest mean instructions, or the one the user named."""

from __future__ import annotations

import numpy as np
import torch

from edgeprune.deploy.protocol import ExitWork
from edgeprune.errors import DoesNotFit, EdgePruneError, ModelError, UsageError
from edgeprune.fitting.job import Job
from edgeprune.model.exits import ExitPlace, WithExit, exit_places
from edgeprune.prune.network import Network
from edgeprune.quantize.exit_rule import choose_margin, leaves
from edgeprune.train.exit_head import halfway_features, trained_layer

_MOST_SAMPLES = 50_000  # heads are tried on: with few, those of many features look worse than they are
_LEAST_SAVING = 0.1  # of the instructions: where an input that leaves would save less, nothing is tried


def refuse_tasks(job: Job, network: Network) -> None:
    """Raises UsageError or ModelError where there are no classes."""
    targets = job.splits.train.targets
    if targets.is_floating_point():
        raise UsageError(
            "an early exit chooses between classes, and the targets are real values", hint="leave --early-exit away"
        )
    shape = network.traced.graph.tensors[network.traced.graph.outputs[0]].shape
    if len(network.traced.graph.outputs) != 1 or len(shape) != 2 or shape[1] < 2:
        raise ModelError(
            f"an early exit chooses between classes, and the network outputs {shape}",
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
    named = job.options.exit_after
    if named is not None:
        chosen = next((place for place in places if place.after == named), None)
        if chosen is None:
            names = ", ".join(place.after for place in places[:12])
            raise UsageError(
                f"no layer '{named}' gives one image or vector a sample", hint=f"exit_after can be {names} ..."
            )
        _work_at(job, network, chosen)
        return chosen
    ways: dict[ExitWork, ExitPlace] = {}
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


def _best(job: Job, network: Network, ways: dict[ExitWork, ExitPlace]) -> ExitPlace:
    """The place with the fewest mean instructions, estimated with heads of their own on validation."""
    places, train, validation = list(ways.values()), job.splits.train.take(_MOST_SAMPLES), job.splits.validation
    metric = job.objective.metric
    _, train_features = halfway_features(network.module, places, train)
    own, validation_features = halfway_features(network.module, places, validation)
    targets = validation.targets[: len(own)]
    before, shares = float(metric.score(own, targets)), []
    for work, place, features, seen in zip(ways, places, train_features, validation_features, strict=True):
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


def _work_at(job: Job, network: Network, place: ExitPlace) -> ExitWork:
    """The work saved by leaving there.

    Raises:
        ModelError: the network cannot be left there.
    """
    return job.deployment.exit_work(place.after, network, untrained(job, network, place))


def untrained(job: Job, network: Network, place: ExitPlace) -> Network:
    """The network with an exit there whose head is untrained: for shapes and sizes."""
    try:
        outputs, (features,) = halfway_features(network.module, [place], job.splits.train.take(1))
    except AttributeError:
        raise ModelError(
            f"the network has lost its layer '{place.after}', where it was to be left early",
            hint="name another with exit_after in [training]",
        ) from None
    head = place.head(features.shape[1], outputs.shape[1])
    leaving = Network.of(WithExit(network.module, place.after, head), job.input_shape, network.removed)
    if leaving.widths != network.widths:
        raise ModelError(f"leaving behind {place.after} would tie its channels", hint="leave behind another layer")
    return leaving
