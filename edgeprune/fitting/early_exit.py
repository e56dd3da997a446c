"""An early exit in a fit: where the network is left, the head trained there, and how sure it must be.

The place is chosen on the network as it came, so that what is predicted counts the exit's own layers. The head is
trained once the network is done, and changes nothing of it. How sure the exit must be is decided on validation samples
by the int8 file that is deployed. Limits are judged by an input that stays to the end.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.torch import save_file

from edgeprune.atomic import file, write_bytes
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.fitting.candidate import Candidate, TrainedExit, linked
from edgeprune.fitting.exit_place import Work, choose_place, refuse_tasks, untrained
from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.fitting.prove import Proof
from edgeprune.fitting.record import ExitRecord
from edgeprune.graph.early_exit import answers, choose_margin, leaves
from edgeprune.model.exits import ExitPlace, WithExit
from edgeprune.quantize.host import Kernels, all_int8_outputs, channels_last, quantized_inputs, score_of
from edgeprune.train.exit_head import trained_head


def with_exit(job: Job, network: Network) -> Network:
    """The network as it will be linked: with an untrained exit, where one was asked for.

    Raises:
        UsageError: the task has no use for one, or the network has no such layer.
        ModelError: the network cannot be left early, or not there.
        DoesNotFit: leaving early would save nothing.
    """
    if job.options.early_exit is None:
        return network
    refuse_tasks(job, network)
    noted = job.workspace.once("early exit: place", lambda: asdict(choose_place(job, network)))
    return untrained(job, network, _place(noted))


def exited(job: Job, candidate: Candidate, exporter: Exporter, stage: str) -> Candidate:
    """The candidate with its exit trained, exported, linked and booted; as it is where none was asked for or none pays.

    Args:
        candidate: of the network alone.
        stage: its stage.
    """
    if job.options.early_exit is None:
        return candidate
    place = _place(job.workspace.once("early exit: place", dict))
    folder = job.workspace.folder / "candidates" / f"{stage} exit".replace(" ", "-")

    def export() -> dict[str, Any]:
        job.progress.note(f"training the early exit behind {place.after}")
        module = candidate.network.module
        head = trained_head(module, place, job.splits.train)
        leaving = WithExit(module, place.after, head).eval()
        exported = export_tflite(leaving, job.splits.calibration.tensor(), exporter)
        write_bytes(folder / "model.tflite", exported.data)
        with file(folder / "head.safetensors") as temporary:
            save_file({name: value.contiguous() for name, value in head.state_dict().items()}, temporary)
        return {"layers": list(exported.layers)} | _decided(job, exported.data)

    noted = job.workspace.once(f"{stage}: early exit", export)
    if noted["margin"] is None:
        job.progress.note(f"no input is sure enough behind {place.after}: the early exit is left out")
        return candidate
    leaving = TrainedExit(place, noted["margin"], noted["share"], noted["drop_points"], folder / "head.safetensors")
    tflite = (folder / "model.tflite").read_bytes()
    made = linked(job, candidate.network, tflite, tuple(noted["layers"]), folder, early_exit=leaving)
    share = Work.of(made.model.graph, made.model.calls, job.target.cpu).share(leaving.share)
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


def exit_record(job: Job, candidate: Candidate, proof: Proof) -> ExitRecord | None:
    """What the exit does: on validation, on test samples as int8 on this machine, and on the board."""
    leaving, ticks = candidate.early_exit, proof.ticks
    if leaving is None or ticks is None:
        return None

    def on_test() -> dict[str, float]:
        test = job.splits.test
        inputs = quantized_inputs(candidate.tflite, channels_last(test))
        own, early = all_int8_outputs(candidate.tflite, inputs, Kernels.FAST)
        return {
            "share": float(leaves(early, leaving.margin).mean()),
            "without": score_of(candidate.tflite, own, test, job.objective.metric),
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


def _place(noted: dict[str, Any]) -> ExitPlace:
    return ExitPlace(noted["after"], tuple(noted["shape"]), tuple(noted["cells"]))


def _decided(job: Job, tflite: bytes) -> dict[str, Any]:
    """How sure the exit must be, by the int8 file's answers to validation samples."""
    metric, validation = job.objective.metric, job.splits.validation
    inputs = quantized_inputs(tflite, channels_last(validation))
    own, early = all_int8_outputs(tflite, inputs, Kernels.FAST)
    before = score_of(tflite, own, validation, metric)

    def lost_points(chosen: np.ndarray) -> float:
        return metric.drop_points(before, score_of(tflite, chosen, validation, metric))

    margin = choose_margin(own, early, lost_points, job.options.early_exit or 0.0)
    if margin is None:
        return {"margin": None}
    share = float(leaves(early, margin).mean())
    return {"margin": margin, "share": share, "drop_points": lost_points(answers(own, early, margin))}
