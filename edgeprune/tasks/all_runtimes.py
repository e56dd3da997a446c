"""One run's network as generated C, as a `.pte` for XNNPACK and as a `.tflite`, side by side, and which to ship."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.deploy.hosted.place import words_for
from edgeprune.deploy.hosted.pte import input_bytes_of, running_pte
from edgeprune.deploy.hosted.replies import Times
from edgeprune.deploy.replay import byte_rows, real_rows
from edgeprune.errors import EdgePruneError, UsageError
from edgeprune.export.pte.lowering import Lowering, PteFormat, PteRequest
from edgeprune.export.tflite import channels_last
from edgeprune.quantize.host import Kernels, int8_outputs, quantized_inputs, real_outputs
from edgeprune.tasks.fit import FitRequest, project_of
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.subject import open_subject
from edgeprune.tasks.thinned import thinned_module
from edgeprune.train.data import load_data

_SAMPLES = 200  # of the test set
_AS_ACCURATE = 0.5  # points below the best one
C, PTE, TFLITE = "generated C", "xnnpack .pte", "int8 .tflite"


@dataclass(frozen=True)
class RuntimeRow:
    """One way to ship the network.

    Attributes:
        file_bytes: of the program or model file.
        runtime_bytes: of what must be there beside it; None where that is not known here.
        memory_bytes: it takes while it runs: planned, with program and stack where the whole of it is ours.
        latency_us: median, measured on a device; None where none measured it.
        accuracy: percent of the samples; None without class labels.
        computed: what computed the outputs.
        note: what is missing, and why.
    """

    name: str
    file_bytes: int
    runtime_bytes: int | None
    memory_bytes: int | None
    latency_us: float | None
    accuracy: float | None
    computed: str
    note: str | None = None


@dataclass(frozen=True)
class SideBySide:
    """samples: accuracy is over; choice: the name of the row to ship; why: in words."""

    target: str
    samples: int
    rows: tuple[RuntimeRow, ...]
    choice: str
    why: str


def side_by_side(folder: Path, address: str | None, warm_up: int, runs: int) -> SideBySide:
    """Args:
        folder: of a finished run for a device with an operating system.
        address: of the device; None: nothing is timed.

    Raises:
        UsageError: no such run, or ExecuTorch is not installed.
        DeviceError, ToolchainError: the program does not run there.
    """
    subject = open_subject(folder, None, Optimize.BALANCED, folder, "edgeprune profile --all-runtimes")
    if not isinstance(subject, ProgramSubject):
        raise UsageError(
            f"{folder} was made for {subject.target.name}, which has no operating system",
            hint="--all-runtimes is for Linux and Android; `edgeprune inspect FILE.pte --beside` compares on a board",
        )
    project = project_of(FitRequest.noted_in(folder).project)
    splits = load_data(project)
    test = (splits.test if len(splits.test) else splits.calibration).take(_SAMPLES)
    labels = test.targets.numpy()
    inputs = quantized_inputs(subject.tflite, channels_last(test.tensor()))
    c = _generated_c(subject, inputs, labels, address, (warm_up, runs))
    host = int8_outputs(subject.tflite, inputs, Kernels.REFERENCE)
    tflite = RuntimeRow(
        TFLITE, len(subject.tflite), None, None, None, _accuracy(real_outputs(subject.tflite, host), labels),
        "LiteRT here", "LiteRT's own size and memory are not known here, and nothing of ours runs it there",
    )  # fmt: skip
    request = PteRequest(PteFormat.XNNPACK, splits.calibration.tensor(), test.tensor(), may_stay_float=True)
    with Lowering() as lowering:
        made = lowering.program(thinned_module(folder), request)
    pte = RuntimeRow(
        PTE, len(made.data), None, sum(made.program.planned_bytes), None, _accuracy(made.outputs[0], labels),
        "ExecuTorch here", f"{len(made.floats)} operators in float" if made.floats else None,
    )  # fmt: skip
    try:
        with running_pte(made.data, made.program, subject.target, address) as session:
            times = session.times(bytes(input_bytes_of(made.program)), warm_up, runs)
            pte = replace(pte, runtime_bytes=session.runtime_bytes, latency_us=_median_us(times))
    except EdgePruneError as refused:
        pte = replace(pte, note=f"not run there: {refused.message}")
    rows = (c, pte, tflite)
    choice, why = to_ship(rows)
    return SideBySide(subject.target.name, len(test), rows, choice, why)


def to_ship(rows: Sequence[RuntimeRow]) -> tuple[str, str]:
    """Of those about as accurate as the best: the fastest where all were timed, else the one that needs least storage.

    A row whose runtime is of unknown size is not the smaller one.
    """
    known = [row.accuracy for row in rows if row.accuracy is not None]
    least = max(known, default=0.0) - _AS_ACCURATE
    fit = [row for row in rows if row.accuracy is None or row.accuracy >= least]
    timed = [row for row in fit if row.latency_us is not None]
    within = f"within {_AS_ACCURATE} points of the best accuracy" if known else "accuracy unknown"
    if len(timed) > 1:
        fastest = min(timed, key=lambda row: row.latency_us or 0.0)
        return fastest.name, f"the fastest of those timed, {within}"
    counted = [row for row in fit if row.runtime_bytes is not None] or fit
    smallest = min(counted, key=lambda row: row.file_bytes + (row.runtime_bytes or 0))
    return smallest.name, f"the least to store, runtime included, {within}; no time was measured"


def _generated_c(
    subject: ProgramSubject, inputs: np.ndarray, labels: np.ndarray, address: str | None, timing: tuple[int, int]
) -> RuntimeRow:
    with subject.running(address) as session:
        rows = session.outputs(byte_rows(inputs), lambda done: None)
        sample = inputs[0].tobytes()
        times = session.times(sample, *timing)
        place, note = session.machine.name, words_for(session.machine, subject.target)
    like = int8_outputs(subject.tflite, inputs[:1], Kernels.REFERENCE)
    accuracy = _accuracy(real_rows(subject.tflite, rows, [like])[0], labels)
    assert subject.record is not None  # of a run folder
    built = subject.record.after
    return RuntimeRow(C, built.flash_bytes, 0, built.ram_bytes, _median_us(times), accuracy, place, note)


def _median_us(times: Times | None) -> float | None:
    return None if times is None else float(np.median(times.run_ns)) / 1e3


def _accuracy(outputs: np.ndarray, labels: np.ndarray) -> float | None:
    rows = outputs.reshape(len(outputs), -1)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or rows.shape[1] < 2:
        return None
    return float(100 * (rows.argmax(axis=1) == labels).mean())
