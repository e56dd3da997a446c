"""An old and a new run held against one another: the same test samples, and the device both run on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edgeprune.deploy.replay import compare_bytes, real_rows
from edgeprune.errors import DataError
from edgeprune.fitting.record import RunRecord, load_record
from edgeprune.model.answers import Answer, rebuilt
from edgeprune.model.trace import trace
from edgeprune.progress import Progress
from edgeprune.quantize.exit_rule import combined_outputs
from edgeprune.quantize.host import Kernels, all_int8_outputs, input_rows, quantized_inputs, real_outputs
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.loaded import load
from edgeprune.tasks.refit.rules import Figures
from edgeprune.tasks.subject import open_subject
from edgeprune.train.evaluate_int8 import channels_last
from edgeprune.train.metrics import Metric
from edgeprune.train.splits import Split


@dataclass(frozen=True, eq=False)
class Compared:
    """metric: that both were scored by; source: "emulator", "device" or "host", where both ran."""

    metric: Metric
    test_samples: int
    source: str
    old: Figures
    new: Figures


def compared(new: Path, progress: Progress) -> Compared:
    """The run in `new`, and the one it refits, on the test samples of `new`.

    The file of each is run on this machine over all of them. On the device the first of them are replayed: the new run
    did that when it was fitted, the old run's firmware does it here, every byte compared with the host's.

    Raises:
        VerificationError: the old firmware computes other bytes than its file.
        EdgePruneError: the data cannot be read any more, or there is no device.
    """
    request = FitRequest.noted_in(new)
    assert request.refit_of is not None
    old, record = _still_there(Path(request.refit_of), new.parent), load_record(new)
    project = request.loaded_project
    loaded = load(project)
    metric, test = loaded.objective.metric.judging(loaded.splits.test.targets), loaded.splits.test
    answer = trace(loaded.module, (1, *project.model.sample_shape)).recording.answer
    device = _device_score(old, test.take(record.accuracy.device_samples), metric, answer, request.options.port)
    progress.note(f"{old.name} on the {record.source}: the same bytes as the host")
    scores = [_score(folder, test, metric, answer) for folder in (old, new)]
    return Compared(
        metric,
        len(test),
        record.source,
        _figures(load_record(old), scores[0], device),
        _figures(record, scores[1], record.accuracy.device),
    )


def _still_there(old: Path, runs: Path) -> Path:
    """The old run's folder, or where it lies now if all runs were moved."""
    return old if old.is_dir() else runs / old.name


def _figures(record: RunRecord, score: float, device_score: float | None) -> Figures:
    return Figures(
        run=record.run,
        fits=record.fits,
        score=score,
        device_score=device_score,
        flash_bytes=record.flash_bytes,
        ram_bytes=record.ram_bytes,
        clock=record.ticks,
        total_ticks=record.total_ticks,
    )


def _score(folder: Path, test: Split, metric: Metric, answer: Answer) -> float:
    tflite = _tflite(folder)
    outputs = _outputs(folder, tflite, _inputs(folder, tflite, test), Kernels.FAST)
    reals = [torch.from_numpy(real_outputs(tflite, output, number)) for number, output in enumerate(outputs)]
    return float(metric.score(rebuilt(answer, reals), test.targets))


def _device_score(old: Path, samples: Split, metric: Metric, answer: Answer, port: str | None) -> float:
    tflite = _tflite(old)
    inputs = _inputs(old, tflite, samples)
    wanted = _outputs(old, tflite, inputs, Kernels.REFERENCE)
    expected = np.concatenate([one.reshape(len(one), -1).view(np.uint8) for one in wanted], axis=1)
    request = FitRequest.noted_in(old)
    subject = open_subject(old, None, request.kernels, old, request.options.command)
    rows = []
    with subject.replaying(port) as place:
        for number, output in enumerate(place.outputs(input_rows(tflite, inputs))):
            compare_bytes(number, output, expected[number], place.place)
            rows.append(output)
    reals = real_rows(tflite, np.stack(rows), wanted)
    return float(metric.score(rebuilt(answer, map(torch.from_numpy, reals)), samples.targets))


def _tflite(folder: Path) -> bytes:
    return (folder / load_record(folder).artifacts["tflite"]).read_bytes()


def _inputs(folder: Path, tflite: bytes, split: Split) -> np.ndarray:
    try:
        return quantized_inputs(tflite, channels_last(split))
    except ValueError as problem:
        raise DataError(
            f"{folder.name} takes other samples than these: {problem}",
            hint="a refit is of the same network and form of data",
        ) from problem


def _outputs(folder: Path, tflite: bytes, inputs: np.ndarray, kernels: Kernels) -> list[np.ndarray]:
    """As the device gives them: of a network with an early exit, one output."""
    outputs, leaving = all_int8_outputs(tflite, inputs, kernels), load_record(folder).early_exit
    if leaving is None:
        return outputs
    own, early = outputs
    return [combined_outputs(own, early, leaving.margin)]
