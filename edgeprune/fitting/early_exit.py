"""An early exit in a fit: where the network is left, the head trained there, and the margin to leave.

The place is chosen on the original network, so that what is predicted counts the exit's own layers. The head is
trained once the network is done, and changes nothing of it. The margin is chosen on validation samples by the int8
file that is deployed. Limits apply to an input that runs to the end.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.torch import load_file, save

from edgeprune.deploy.proof import ExitTicks
from edgeprune.deploy.protocol import Artifact, Candidate, TrainedExit
from edgeprune.files.atomic import write_bytes
from edgeprune.fitting.exit_place import choose_place, refuse_tasks, untrained
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import ExitRecord
from edgeprune.model.exits import ExitPlace, WithExit
from edgeprune.prune.network import Network
from edgeprune.quantize.exit_rule import choose_margin, combined_outputs, leaves
from edgeprune.train.exit_head import trained_head
from edgeprune.train.splits import Split


def with_exit(job: Job, network: Network) -> Network:
    """The network as it will be linked: with an untrained exit, where one is requested.

    Raises:
        UsageError: the task cannot use one, or the network has no such layer.
        ModelError: the network cannot be left early, or not there.
        DoesNotFit: leaving early would save nothing.
    """
    if job.options.early_exit is None:
        return network
    refuse_tasks(job, network)
    noted = job.workspace.once("early exit: place", lambda: asdict(choose_place(job, network)))
    return untrained(job, network, _place(noted))


def exited(job: Job, candidate: Candidate, stage: str) -> Candidate:
    """The candidate with its exit trained, exported, built and run; unchanged where none is requested or none pays.

    Args:
        candidate: of the network alone.
        stage: its stage.
    """
    if job.options.early_exit is None:
        return candidate
    place, once = _place(job.workspace.once("early exit: place", dict)), job.workspace.once
    network, stage = candidate.network, f"{stage} exit"
    kept_head = job.workspace.folder / "candidates" / stage.replace(" ", "-") / "head.safetensors"

    def train_head() -> bool:
        job.progress.note(f"training the early exit behind {place.after}")
        head = trained_head(network.module, place, job.splits.train)
        write_bytes(kept_head, save({name: value.contiguous() for name, value in head.state_dict().items()}))
        return True

    once(f"{stage}: head", train_head, kept_head)
    weights = load_file(kept_head)
    classes, features = weights["fc.weight"].shape
    head = place.head(features, classes).eval()
    head.load_state_dict(weights)
    artifact = job.deployment.export(WithExit(network.module, place.after, head).eval(), stage)
    noted = once(f"{stage}: margin", lambda: _decided(job, artifact))
    if noted["margin"] is None:
        job.progress.note(f"no input has a large enough margin behind {place.after}: the early exit is left out")
        return candidate
    leaving = TrainedExit(place, noted["margin"], noted["share"], noted["drop_points"], kept_head)
    made = artifact.build(network, leaving)
    share = made.exit_work().share(leaving.share)
    job.progress.note(
        f"{leaving.share:.1%} of validation leave behind {place.after} for {leaving.drop_points:.2f} points of "
        f"{job.objective.metric.name}: {share:.1%} of the instructions"
    )
    if leaving.share == 1:
        job.progress.note("every one of them leaves: the network could end there")
    if share < 1:
        return made
    job.progress.note("that saves nothing: the early exit is left out")
    return candidate


def exit_record(job: Job, candidate: Candidate, ticks: ExitTicks | None) -> ExitRecord | None:
    """What the exit does: on validation, on test samples as computed on this machine, and on the device.

    Args:
        ticks: per input on the device; None where they were not measured.
    """
    leaving = candidate.early_exit
    if leaving is None:
        return None

    def on_test() -> dict[str, float]:
        test = job.splits.test
        own, early = candidate.artifact.outputs(test)
        return {
            "share": float(leaves(early, leaving.margin).mean()),
            "without": _score(job, candidate.artifact, own, test),
        }

    test = job.workspace.once("early exit: test", on_test)
    return ExitRecord(
        after=leaving.place.after,
        cells=leaving.place.cells,
        allowed_points=job.options.early_exit or 0.0,
        margin=leaving.margin,
        validation_share=leaving.share,
        validation_drop_points=leaving.drop_points,
        test_share=test["share"],
        int8_without=test["without"],
        on_board=ticks,
    )


def _score(job: Job, artifact: Artifact, outputs: np.ndarray, split: Split) -> float:
    """The metric of one of a file's outputs, (N, classes)."""
    return float(job.objective.metric.score(artifact.real([outputs])[0], split.targets))


def _place(noted: dict[str, Any]) -> ExitPlace:
    return ExitPlace(noted["after"], tuple(noted["shape"]), tuple(noted["cells"]))


def _decided(job: Job, artifact: Artifact) -> dict[str, Any]:
    """The margin to leave at, by the artifact's outputs for validation samples."""
    metric, validation = job.objective.metric, job.splits.validation
    own, early = artifact.outputs(validation)
    before = _score(job, artifact, own, validation)

    def lost_points(chosen: np.ndarray) -> float:
        return metric.drop_points(before, _score(job, artifact, chosen, validation))

    margin = choose_margin(own, early, lost_points, job.options.early_exit or 0.0)
    if margin is None:
        return {"margin": None}
    share = float(leaves(early, margin).mean())
    return {"margin": margin, "share": share, "drop_points": lost_points(combined_outputs(own, early, margin))}
