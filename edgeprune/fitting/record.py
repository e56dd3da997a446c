"""`run.json`: everything a fit decided and measured, with a schema version."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edgeprune.budget import Footprint, LatencyBasis
from edgeprune.deploy.proof import ExitTicks
from edgeprune.errors import UsageError
from edgeprune.files.atomic import write_text

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
    latency_is_floor: bool = False
    latency_basis: LatencyBasis | None = None  # older records do not say
    latency_range_us: tuple[float, float] | None = None

    @property
    def judged_us(self) -> float | None:
        """As `Footprint.judged_us`."""
        return self.latency_us if self.latency_range_us is None else self.latency_range_us[1]

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
            latency_is_floor=footprint.latency_is_floor,
            latency_basis=footprint.latency_basis,
            latency_range_us=footprint.latency_range_us,
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
    """One layer on the device: predicted in emulated instructions, measured in the device's own ticks.

    Of a program both are nanoseconds, measured ones None where no device was named. The rest is `LayerTime`'s.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    macs: int
    predicted_ticks: float | None
    measured_ticks: float | None
    kernel: str = ""
    runs_on: str = ""
    why_plain: str | None = None
    weight_bytes: int | None = None
    table_bytes: int | None = None


class ArenaRecord(_Strict):
    """An `ArenaBlock`: bytes of the arena that hold one thing over layers [first, end)."""

    name: str
    offset_bytes: int
    size_bytes: int
    first_layer: int
    end_layer: int


class LayerSqnrRecord(_Strict):
    """A `LayerSqnr`: how far one layer of the int8 network is from the float one."""

    name: str
    kind: str
    alone_db: float | None
    so_far_db: float | None
    share: float


class EpochRecord(_Strict):
    """Mean loss of an epoch of training, and the metric on validation after it."""

    loss: float
    validation: float


class StepRecord(_Strict):
    """One thinning step: widths kept per group, validation score after training; undone when it lost too much.

    drop_points: below the original; allowed_points: before a step is undone.
    """

    widths: dict[str, int]
    score: float
    epochs: int
    undone: bool
    drop_points: float | None = None
    allowed_points: float | None = None
    training: tuple[EpochRecord, ...] = ()


class AwareRecord(_Strict):
    """Quantization-aware training: validation scores of the int8 file before and after, and whether it was kept."""

    epochs: int
    before: float
    after: float
    kept: bool
    training: tuple[EpochRecord, ...] = ()


class MaskRecord(_Strict):
    """What masked weights saved in the linked image, kernels chosen for size with and without them.

    density: share (0..1) of the masked layers' weights that are not masked. unmasked: with synthetic weights.
    """

    granularity: str
    density: Real
    flash_bytes: int
    unmasked_flash_bytes: int
    saved_bytes: int


class ExitRecord(_Strict):
    """An early exit: its place, its margin (in steps of the int8 output), and its effect.

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
    on_board: ExitTicks | None


class ConfusionCell(_Strict):
    """Samples of the class `true` that were taken for the class `found`."""

    true: int
    found: int
    samples: int


class AnswersRecord(_Strict):
    """What outputs were right and wrong about, by who computed them: `float`, `int8`, `device`.

    confusions: of classes, cells without samples left out; of several yes-or-no outputs, all of them together.
    error_counts: of values, output less target, in the bins between `error_edges`.
    """

    class_names: tuple[str, ...] = ()
    confusions: dict[str, tuple[ConfusionCell, ...]] = {}
    error_edges: tuple[Real, ...] = ()
    error_counts: dict[str, tuple[int, ...]] = {}


class BoardTimeRecord(_Strict):
    """`deploy.proof.BoardTime`."""

    us: float
    least_us: float | None
    most_us: float | None
    counts_flash: bool
    is_calibrated: bool = False


class RunRecord(_Strict):
    """The result of `edgeprune fit`; the first block is what `fit --json` promises."""

    schema_version: Literal[1] = 1
    fits: bool
    unjudged: tuple[str, ...] = ()  # limits that are not known to be broken, and that nothing says are held
    flash_bytes: int
    flash_limit_bytes: int
    ram_bytes: int
    ram_limit_bytes: int
    arena_bytes: int | None  # None where a device has none, as those with an operating system
    stack_bytes: int | None
    macs: int
    verified_samples: int
    source: Literal["emulator", "device", "host"]
    run: str
    accuracy: Accuracy

    drop_points: float
    counted_error: float | None = None  # what drop_points is percent of, of a metric that is an error
    target: str
    board: str
    model: str
    model_sha256: str
    edgeprune_version: str
    created: str
    command: str
    product: str = "linked image"  # or "program"
    ticks: str  # "instructions" (emulated), "cycles" or "timer"; "nanoseconds" of a program
    total_ticks: float | None  # None where nobody measured
    total_us: float | None
    board_time: BoardTimeRecord | None = None  # predicted; None where it was measured, or the core has no timing tables
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
    early_exit: ExitRecord | None = None  # None where none was requested, or no input reached the margin
    faster: tuple[int, ...]  # positions of layers whose kernels were chosen for speed, with flash that was left over
    in_ram: tuple[int, ...] = ()  # positions of layers whose constants were copied to RAM that was left over
    layer_names: tuple[str, ...]  # of the .tflite's operators, which the file itself was stripped of
    layers: tuple[LayerRecord, ...]
    sqnr_db: float | None = None  # of the int8 outputs over the calibration samples; None where nothing was quantized
    layer_sqnr: tuple[LayerSqnrRecord, ...] = ()
    arena: tuple[ArenaRecord, ...] = ()  # empty where a device has none
    answers: AnswersRecord | None = None  # None where a metric of the user's own compares something else
    seed: int | None = None
    versions: dict[str, str] = {}  # of what computed it, by package
    doubts: tuple[str, ...] = ()  # what to look at before shipping
    artifacts: dict[str, str]
    seconds_by_stage: dict[str, float]

    @property
    def loses_too_much(self) -> bool:
        """Whether the limit of what may be lost is broken, whatever else cannot be judged."""
        return self.max_drop_points is not None and self.drop_points > self.max_drop_points


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
