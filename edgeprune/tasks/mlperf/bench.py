"""A model measured by MLPerf Tiny's protocol: on a board, or on the emulated machine that stands in for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from edgeprune.deploy.firmware.client_form import client_form
from edgeprune.deploy.firmware.images import Images, link_images, running_board
from edgeprune.deploy.firmware.predicted_time import time_if_possible
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.errors import DataError
from edgeprune.hardware.profile import Target
from edgeprune.progress import Progress
from edgeprune.tasks.mlperf.data_set import LabelledFile, labelled_files, require_both_classes
from edgeprune.tasks.mlperf.measure import Scored, Window, measured_windows, median_per_second, scored_files
from edgeprune.tasks.mlperf.results import write_results
from edgeprune.toolchain.client_form import ClientForm, InputForm, Score


@dataclass(frozen=True)
class BenchRequest:
    """What to measure, and where.

    Attributes:
        model: compiled under the model id that chooses what the runner sends.
        port: the board's; None: emulated.
        data_sets: folder with one folder a model id; None: performance alone.
        most_files: of the data set, None for all.
        folder: for the image and the result files.
    """

    model: CompiledModel
    target: Target
    port: str | None
    data_sets: Path | None
    most_files: int | None
    folder: Path


@dataclass(frozen=True)
class Benched:
    """What was measured.

    Attributes:
        image: that ran.
        is_emulated: time counts emulated instructions, whatever the host needed for them.
        per_second: inferences, the median of the windows, by the device's clock.
        ticks: of one inference, in units of `clock_source`.
        predicted: of the real board; None where its core has no timing rules or a tool is missing.
        files: written.
    """

    image: Path
    is_emulated: bool
    clock_source: str
    clock_hz: int
    windows: Sequence[Window]
    per_second: float
    ticks: float
    predicted: PredictedTime | None
    scored: Scored | None
    files: tuple[Path, ...]


def bench(request: BenchRequest, progress: Progress) -> Benched:
    """Links the image with the console that the runner needs, runs the protocol on it, writes the result files.

    Raises:
        DataError: the data set cannot be used.
        DeviceError: no board, another image on it, or answers that are none.
        UsageError, DoesNotFit, ToolchainError: as `link_images`.
    """
    model, target, model_id = request.model, request.target, request.model.identity.model_id
    form = client_form(model.graph, model_id)
    input_bytes = _sent_bytes(model, form)
    files: tuple[LabelledFile, ...] = ()
    if request.data_sets is not None:
        folder = request.data_sets / model_id
        files = labelled_files(folder, input_bytes, request.most_files)
        if _result_count(model, form) == 1:
            require_both_classes(folder, files)
    images = link_images(model, target, request.folder, client=form)
    with running_board(images, target, request.port) as board:
        identity = board.identity()
        windows = measured_windows(board, files[0].windows[0] if files else bytes(input_bytes), progress)
        scored = scored_files(board, files, progress) if files else None
    is_emulated = identity.clock_source == "instructions"
    per_second = median_per_second(windows)
    about = f"{model_id} on {target.name}" + (", emulated: no figure of a board" if is_emulated else "")
    return Benched(
        image=images.judged.elf,
        is_emulated=is_emulated,
        clock_source=identity.clock_source,
        clock_hz=identity.clock_hz,
        windows=windows,
        per_second=per_second,
        ticks=identity.clock_hz / per_second,
        predicted=_predicted(images, model, target),
        scored=scored,
        files=write_results(request.folder, about, windows, scored),
    )


def _sent_bytes(model: CompiledModel, form: ClientForm) -> int:
    """Of one input as the client sends it."""
    if not model.input_bytes:
        raise DataError("the model has no input to send", hint="MLPerf Tiny's models have one")
    return model.input_bytes * (4 if form.input_form is InputForm.FLOAT32 else 1)


def _result_count(model: CompiledModel, form: ClientForm) -> int:
    """Of one inference as the client gets them."""
    outputs = [model.graph.tensors[index].shape for index in model.graph.outputs]
    return 1 if form.score is Score.MSE else sum(prod(shape) for shape in outputs)


def _predicted(images: Images, model: CompiledModel, target: Target) -> PredictedTime | None:
    return None if images.emulated is None else time_if_possible(images.emulated.elf, model, target)
