"""`run.json`: everything a fit decided and measured, with a schema version."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edgeprune.atomic import write_text
from edgeprune.budget import Footprint
from edgeprune.errors import UsageError
from edgeprune.measure import ExitTicks

RECORD_NAME = "run.json"
Real = float  # a field of `Accuracy` is called `float`


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FootprintRecord(_Strict):
    """A `Footprint`; sizes in bytes."""

    flash_bytes: int
    flash_parts: dict[str, int]
    ram_bytes: int
    ram_parts: dict[str, int]
    peak_layer: str
    macs: int
    latency_us: float | None

    @staticmethod
    def of(footprint: Footprint) -> FootprintRecord:
        return FootprintRecord(
            flash_bytes=footprint.flash_bytes,
            flash_parts=dict(footprint.flash_parts),
            ram_bytes=footprint.ram_bytes,
            ram_parts=dict(footprint.ram_parts),
            peak_layer=footprint.peak_layer,
            macs=footprint.macs,
            latency_us=footprint.latency_us,
        )


class Accuracy(_Strict):
    """In the metric's own unit (percent for accuracy). `device` is over `device_samples` test samples."""

    metric: str
    float_before: Real
    float: Real
    int8: Real
    int8_samples: int
    device: Real | None
    device_samples: int


class LayerRecord(_Strict):
    """One layer on the device: predicted in emulated instructions, measured in the device's own ticks."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    macs: int
    predicted_ticks: float | None
    measured_ticks: float


class StepRecord(_Strict):
    """One thinning step: widths kept per group, validation score after training; undone when it hurt too much."""

    widths: dict[str, int]
    score: float
    epochs: int
    undone: bool


class AwareRecord(_Strict):
    """Quantization-aware training: validation scores of the int8 file before and after, and whether it was kept."""

    epochs: int
    before: float
    after: float
    kept: bool


class MaskRecord(_Strict):
    """What masked weights saved in the linked image, kernels chosen for size with and without them.

    density: share (0..1) of the masked layers' weights that are not masked. unmasked: weights made up.
    """

    granularity: str
    density: Real
    flash_bytes: int
    unmasked_flash_bytes: int
    saved_bytes: int


class ExitRecord(_Strict):
    """An early exit: where, how sure (`margin` steps of the int8 answer), and what it did.

    `validation_*` decided; `test_share` of the test samples leave, `int8_without` is their score with none leaving.
    """

    after: str
    cells: tuple[int, int]
    allowed_points: float
    margin: int
    validation_share: float
    validation_drop_points: float
    test_share: float
    int8_without: float
    on_board: ExitTicks


class RunRecord(_Strict):
    """The result of `edgeprune fit`; the first block is what `fit --json` promises."""

    schema_version: Literal[1] = 1
    fits: bool
    flash_bytes: int
    flash_limit_bytes: int
    ram_bytes: int
    ram_limit_bytes: int
    arena_bytes: int
    stack_bytes: int
    macs: int
    verified_samples: int
    source: Literal["emulator", "device"]
    run: str
    accuracy: Accuracy

    drop_points: float
    target: str
    board: str
    model: str
    model_sha256: str
    edgeprune_version: str
    created: str
    command: str
    ticks: str  # "instructions" (emulated), "cycles" or "timer"
    total_ticks: float
    total_us: float | None
    latency_limit_us: float | None
    max_drop_points: float | None
    before: FootprintRecord
    predicted: FootprintRecord
    after: FootprintRecord
    widths_before: dict[str, int]
    widths: dict[str, int]
    removed: tuple[str, ...] = ()  # layers and blocks, by name
    steps: tuple[StepRecord, ...]
    quantization_aware: AwareRecord | None  # None where int8 lost little, or no epoch was left
    masks: MaskRecord | None = None  # None where no weight is masked
    early_exit: ExitRecord | None = None  # None where none was asked for, or no input was sure enough
    faster: tuple[int, ...]  # positions of layers whose kernels were chosen for speed, with flash that was left over
    layer_names: tuple[str, ...]  # of the .tflite's operators, which the file itself was stripped of
    layers: tuple[LayerRecord, ...]
    artifacts: dict[str, str]
    seconds_by_stage: dict[str, float]


def save_record(record: RunRecord, folder: Path) -> None:
    write_text(folder / RECORD_NAME, record.model_dump_json(indent=2) + "\n")


def load_record(folder: Path) -> RunRecord:
    """The record of a finished run.

    Raises:
        UsageError: no finished run there, or one of another schema version.
    """
    path = folder / RECORD_NAME
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(
            f"{folder} holds no finished run (no run.json)", hint="run `edgeprune fit`, or finish it with --resume"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path} is no run record of this version: {where}: {first['msg']}",
            hint="run `edgeprune fit` again with this version",
        ) from None
