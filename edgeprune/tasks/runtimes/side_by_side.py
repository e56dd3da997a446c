"""A run's network as generated C, as a `.tflite` in LiteRT, as a `.pte` in ExecuTorch, side by side; which to ship."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.deploy.hosted.litert import running_litert, running_litert_here
from edgeprune.deploy.hosted.place import words_for
from edgeprune.deploy.hosted.pte import running_here, running_pte
from edgeprune.deploy.hosted.replies import Times
from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.errors import DataError, EdgePruneError, UsageError
from edgeprune.export.pte.lowering import ExportedPte, PteFormat
from edgeprune.progress import Progress
from edgeprune.tasks.export_pte import PteWish, pte_of_run
from edgeprune.tasks.litert_subject import LitertSubject
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.pte_subject import in_memory_order, outputs_of
from edgeprune.tasks.samples import Samples, real_values, samples_for
from edgeprune.tasks.score import score_of_run, scored
from edgeprune.tasks.subject import open_subject
from edgeprune.train.metrics import METRICS

_SAMPLES = 200  # of those that the run keeps
_AS_GOOD = 0.5  # points lost from the best one
_AS_FAST = 1.1  # times the fastest one's time
C, TFLITE, PTE = "generated C", "int8 .tflite", "xnnpack .pte"


@dataclass(frozen=True)
class Measuring:
    """Where (None: no device, nothing is timed; "auto": the only one connected) and how."""

    address: str | None
    timing: Timing


@dataclass(frozen=True)
class RuntimeRow:
    """One way to ship the network.

    Attributes:
        file_bytes: of the program or model file; None where there is none.
        runtime_bytes: of what must be there beside it; None where that is not known.
        planned_bytes: memory for tensors that the file states; None where it states none.
        resident_bytes: most memory that the process had, its runtime included, on a device.
        latency_us: median, measured on a device; None where none measured it.
        score: by the run's metric over the samples; None without targets or outputs.
        computed: what computed the outputs, and where.
        note: what is missing, and why.
    """

    name: str
    file_bytes: int | None
    runtime_bytes: int | None
    planned_bytes: int | None
    resident_bytes: int | None
    latency_us: float | None
    score: float | None
    computed: str
    note: str | None = None


@dataclass(frozen=True)
class SideBySide:
    """metric: of the scores; samples: they are over; choice: the name of the row to ship; why: in words."""

    target: str
    metric: str
    samples: int
    rows: tuple[RuntimeRow, ...]
    choice: str
    why: str


def side_by_side(folder: Path, target: str | None, measuring: Measuring, progress: Progress) -> SideBySide:
    """Args:
        folder: of a finished run for a device with an operating system.
        target: name or TOML; None: the run's own, which it must be.

    Raises:
        UsageError: no such run, or it was made for another target.
        DeviceError, ToolchainError: our own program does not run there.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no run folder", hint="--all-runtimes compares a run: runs/latest")
    subject = open_subject(folder, target, Optimize.BALANCED, folder, "edgeprune profile --all-runtimes")
    if not isinstance(subject, ProgramSubject):
        raise UsageError(
            f"{folder} was made for {subject.target.name}, which has no operating system",
            hint="--all-runtimes is for Linux and Android; `edgeprune inspect FILE.pte --beside` compares on a board",
        )
    measuring = replace(measuring, address=subject.address_of(measuring.address))
    samples = samples_for(subject, _SAMPLES, None)
    with progress.task("runtimes side by side", 3) as task:
        rows = [_generated_c(subject, samples, measuring)]
        task.advance(detail=C)
        rows.append(_litert(subject, samples, measuring))
        task.advance(detail=TFLITE)
        rows.append(_executorch(folder, subject, samples, measuring))
        task.advance(detail=PTE)
    assert subject.record is not None  # of a run folder
    metric = METRICS.get(subject.record.accuracy.metric)
    if metric is not None and samples.targets is not None:
        import torch

        metric = metric.judging(torch.from_numpy(samples.targets))
    choice, why = to_ship(rows, None if metric is None else metric.drop_points)
    return SideBySide(subject.target.name, subject.record.accuracy.metric, len(samples.left), tuple(rows), choice, why)


def to_ship(rows: Sequence[RuntimeRow], drop_points: Callable[[float, float], float] | None) -> tuple[str, str]:
    """Of those about as good as the best: of the fastest where several were timed, else of all, the least to store.

    A row whose runtime is of unknown size is not the smaller one.

    Args:
        drop_points: what is lost from one score to another; None where scores cannot be compared.
    """
    made = [row for row in rows if row.file_bytes is not None]
    known = [row.score for row in made if row.score is not None] if drop_points is not None else []
    fit = [row for row in made if _loses_little(row.score, known, drop_points)]
    timed = {row.name: row.latency_us for row in fit if row.latency_us is not None}
    within = f"within {_AS_GOOD} points of the best score" if known else "scores unknown"
    if len(timed) > 1:
        fastest_us = min(timed.values())
        near = [row for row in fit if row.name in timed and timed[row.name] <= _AS_FAST * fastest_us]
        first = min(near, key=lambda row: (_stored_bytes(row), timed[row.name]))
        words = "the fastest" if timed[first.name] == fastest_us else "about as fast as the fastest, and less to store"
        return first.name, f"{words} of {len(timed)} timed there, {within}"
    first = min(fit, key=_stored_bytes)
    measured = "only one was timed" if timed else "none was timed"
    return first.name, f"the least to store, runtime included, {within}; {measured}"


def _loses_little(
    score: float | None, known: Sequence[float], drop_points: Callable[[float, float], float] | None
) -> bool:
    """A row without a score is as good as any only where no row has one."""
    if score is None or drop_points is None:
        return not known
    return all(drop_points(other, score) <= _AS_GOOD for other in known)


def _stored_bytes(row: RuntimeRow) -> float:
    return float("inf") if row.runtime_bytes is None else float((row.file_bytes or 0) + row.runtime_bytes)


def _generated_c(subject: ProgramSubject, samples: Samples, measuring: Measuring) -> RuntimeRow:
    rows = samples.input_rows
    with subject.running(measuring.address) as session:
        outputs = session.outputs(rows, lambda done: None)
        times = session.times(rows[0].tobytes(), measuring.timing)
        place, note = session.machine.name, words_for(session.machine, subject.target)
    assert subject.record is not None  # of a run folder
    score = scored(subject, samples, outputs).value
    built = subject.record.after
    row = RuntimeRow(C, built.flash_bytes, 0, built.ram_bytes, None, None, score, f"the program on {place}", note)
    return _timed(row, times, measuring)


def _litert(subject: ProgramSubject, samples: Samples, measuring: Measuring) -> RuntimeRow:
    row = RuntimeRow(TFLITE, len(subject.tflite), None, None, None, None, None, "nothing")
    try:
        interpreted = LitertSubject.of(subject)
        try:
            with running_litert(subject.tflite, interpreted.input_bytes, subject.target, measuring.address) as there:
                found = _by_litert(row, there, subject, samples, measuring)
            if there.machine.source == "device":
                return found
            return replace(found, runtime_bytes=None, note="LiteRT was not run on the device: its size is not known")
        except EdgePruneError as refused:
            if measuring.address is None:
                raise
            with running_litert_here(subject.tflite, interpreted.input_bytes) as here:
                row = _by_litert(row, here, subject, samples, measuring)
            return replace(row, runtime_bytes=None, note=f"not run on {measuring.address}: {refused.message}")
    except EdgePruneError as refused:
        return replace(row, note=f"not run: {refused.message}")


def _by_litert(
    row: RuntimeRow, session: RuntimeSession, subject: ProgramSubject, samples: Samples, measuring: Measuring
) -> RuntimeRow:
    score = scored(subject, samples, session.outputs(samples.input_rows)).value
    return _by_runtime(row, session, score, samples.input_rows[0].tobytes(), measuring)


def _executorch(folder: Path, subject: ProgramSubject, samples: Samples, measuring: Measuring) -> RuntimeRow:
    row = RuntimeRow(PTE, None, None, None, None, None, None, "nothing")
    try:
        made = pte_of_run(folder, PteWish(PteFormat.XNNPACK, may_stay_float=True))
        floats = f"{len(made.floats)} operators compute in floats" if made.floats else None
        row = replace(row, file_bytes=len(made.data), planned_bytes=sum(made.program.planned_bytes), note=floats)
        try:
            with running_pte(made.data, made.program, subject.target, measuring.address) as there:
                return _by_executorch(row, there, made, subject, samples, measuring)
        except EdgePruneError as refused:
            where = measuring.address or subject.target.name
            with running_here(made.data, made.program) as here:
                row = _by_executorch(row, here, made, subject, samples, measuring)
            also = "" if floats is None else f"; {floats}"
            return replace(row, runtime_bytes=None, note=f"not run on {where}: {refused.message}{also}")
    except EdgePruneError as refused:
        return replace(row, note=f"not {'made' if row.file_bytes is None else 'run'}: {refused.message}")


def _by_executorch(
    row: RuntimeRow,
    session: RuntimeSession,
    made: ExportedPte,
    subject: ProgramSubject,
    samples: Samples,
    measuring: Measuring,
) -> RuntimeRow:
    assert subject.record is not None  # of a run folder
    sent = _float_rows(subject, samples, made)
    first = outputs_of(made.program, session.outputs(sent))[0]
    shaped = first.reshape(len(first), *made.program.outputs[0].shape[1:])
    shaped = np.moveaxis(shaped, 1, -1) if shaped.ndim > 1 else shaped
    outputs = [shaped] * len(made.program.outputs)  # of several, none is scored
    score = score_of_run(subject.record.accuracy.metric, outputs, samples.targets).value
    return _by_runtime(row, session, score, sent[0].tobytes(), measuring)


def _by_runtime(
    row: RuntimeRow, session: RuntimeSession, score: float | None, sample: bytes, measuring: Measuring
) -> RuntimeRow:
    times = session.times(sample, measuring.timing)
    computed = f"{session.runtime} on {session.machine.name}"
    row = replace(row, runtime_bytes=session.runtime_bytes, score=score, computed=computed)
    return _timed(row, times, measuring)


def _timed(row: RuntimeRow, times: Times | None, measuring: Measuring) -> RuntimeRow:
    if times is not None:
        return replace(row, latency_us=float(np.median(times.run_ns)) / 1e3, resident_bytes=times.peak_rss_bytes)
    if measuring.address is None or row.note is not None:
        return row
    return replace(row, note=f"not timed: {measuring.address} emulates the processor")


def _float_rows(subject: ProgramSubject, samples: Samples, made: ExportedPte) -> np.ndarray:
    """The same samples as the `.pte` takes them: (N, bytes) uint8 of float32."""
    graph = subject.model.graph
    if len(samples.inputs) != 1 or [end.dtype for end in made.program.inputs] != ["float32"]:
        raise DataError("the samples of one float32 input are sent to a .pte, and the network has other inputs")
    values = real_values(graph.tensors[graph.inputs[0]], samples.inputs[0]).astype(np.float32)
    values = np.moveaxis(values.reshape(len(values), *graph.tensors[graph.inputs[0]].shape[1:]), -1, 1)
    ordered = in_memory_order(values, made.program.inputs[0])
    return np.ascontiguousarray(ordered).reshape(len(values), -1).view(np.uint8)
