"""The project file `edgeprune.toml`: which model, which data, what counts as good, which limits.

Every table but `[model]` and `[data]` may be left out, and every key the command line can override is optional. Unknown
keys are errors. Paths are relative to the file's folder. The bundled project (`bundled/`) is the commented
example, the project used where there is no file, and what `edgeprune init` writes.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from edgeprune.errors import UsageError
from edgeprune.files.schema import Name, Strict, load_toml, validated
from edgeprune.project.spectrogram import SpectrogramTable
from edgeprune.units import parse_bytes, parse_microseconds

FILE_NAME = "edgeprune.toml"
_BUNDLED = Path(__file__).parent / "bundled"


def _bytes(value: Any) -> Any:
    return _parsed(parse_bytes, value)


def _microseconds(value: Any) -> Any:
    return _parsed(parse_microseconds, value)


def _parsed(parse: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except UsageError as problem:
        raise ValueError(f"{problem.message}; {problem.hint}") from problem


Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
Microseconds = Annotated[float, BeforeValidator(_microseconds), Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Shape = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=3)]


class ModelTable(Strict):
    """entry: `file.py:function`, or `package.module:function` of an installed package, that builds the network;
    arguments: for it, by name; weights: a checkpoint; input: shape of one sample, channels first; inputs: of a network
    that takes several, by the names of forward()'s parameters or the keys of the mapping it takes, or a list of shapes
    in forward()'s order."""

    entry: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: Path | None = None
    input: Shape | None = None
    inputs: (
        Annotated[dict[str, Shape], Field(min_length=1)] | Annotated[tuple[Shape, ...], Field(min_length=1)] | None
    ) = None
    name: Name = "model"

    @model_validator(mode="before")
    @classmethod
    def _several_without_names(cls, given: Any) -> Any:
        """`input = [[3, 32, 32], [4]]` is `inputs` in the order of forward()."""
        shapes = given.get("input") if isinstance(given, dict) else None
        if isinstance(shapes, list) and shapes and all(isinstance(shape, list) for shape in shapes):
            return {**{key: value for key, value in given.items() if key != "input"}, "inputs": shapes}
        return given

    @model_validator(mode="after")
    def _one_statement(self) -> ModelTable:
        if (self.input is None) == (self.inputs is None):
            raise ValueError("give either 'input' (one shape) or 'inputs' (a table of shapes by name)")
        return self

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Of one sample; several inputs lie end to end (`model/inputs.py`)."""
        if self.input is not None:
            return self.input
        return (sum(prod(shape) for shape in self.inputs_by_name.values()),)

    @property
    def inputs_by_name(self) -> dict[str, tuple[int, ...]]:
        """Of several inputs; those without names are called 0, 1, ..."""
        if isinstance(self.inputs, dict) or self.inputs is None:
            return self.inputs or {}
        return {str(number): shape for number, shape in enumerate(self.inputs)}


class DataTable(Strict):
    """entry: `file.py:function`; path: an `.npz`, a folder of `.npy`, a saved dataset of Hugging Face, or a folder or
    zip of files in class folders: images, or recordings (`.csv`, `.wav`) for an input of (channels, moments). One of
    the two.

    mean, std: per channel; the network sees (value - mean) / std, where 8-bit images are first scaled to 0..1. Of
    several inputs, tables by name.
    window_step: moments from one window of a recording to the next; a window's length where absent.
    spectrogram: sound becomes log-mel spectrograms, for an input of [mel_bands, frames] or [1, mel_bands, frames].
    resize: scale images of another size to the model's input.
    augment: `flip-crop` mirrors and shifts training images by up to 2 pixels, `crop` only shifts. None where a mirrored
    image means something else (digits, spectrograms: no flip).
    """

    entry: str | None = None
    path: Path | None = None
    mean: tuple[float, ...] | dict[str, tuple[float, ...]] | None = None
    std: tuple[PositiveFloat, ...] | dict[str, tuple[PositiveFloat, ...]] | None = None
    window_step: PositiveInt | None = None
    spectrogram: SpectrogramTable | None = None
    resize: bool = False
    augment: Literal["none", "crop", "flip-crop"] = "none"

    @model_validator(mode="after")
    def _one_source(self) -> DataTable:
        if (self.entry is None) == (self.path is None):
            raise ValueError("give either 'entry' (file.py:function) or 'path' (.npz, or a folder or zip of files)")
        return self


class TaskTable(Strict):
    """loss, metric: a name of `train/objective.py` and `train/metrics.py`, or `file.py:function` of (outputs, targets).

    class_weights: one a class, for cross_entropy; ignore_label: places of that label count nowhere.
    classes: of the network's, those that are needed; the others and what only they needed are removed.
    class_names: by label, for reports; those of the folders where data come from class folders.
    """

    loss: str = "cross_entropy"
    metric: str = "accuracy"
    class_weights: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=2)] | None = None
    ignore_label: int | None = None
    classes: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    class_names: tuple[str, ...] = ()


class LimitsTable(Strict):
    """What the firmware may use; sizes as 98304 or "96KiB", latency as "20ms". max_drop in points of the metric."""

    target: str | None = None
    flash: Bytes | None = None
    ram: Bytes | None = None
    latency: Microseconds | None = None
    max_drop: Annotated[float, Field(ge=0)] | None = None
    reserve_flash: Bytes = 0
    reserve_ram: Bytes = 0


class TrainingTable(Strict):
    """similarity: weight of the original's features beside its outputs; device: auto is a GPU where there is one."""

    epochs: Annotated[int, Field(ge=0)] = 3
    batch: PositiveInt = 128
    lr: Annotated[float, Field(gt=0)] | None = None  # the optimizer's own where absent
    optimizer: Literal["auto", "muon", "sgd", "adamw"] = "auto"
    similarity: Annotated[float, Field(ge=0)] = 0.0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0
    criterion: str = "l2"
    granularity: str = "channels"
    early_exit: Annotated[float, Field(ge=0)] | None = None  # points of the metric it may lose
    exit_after: str | None = None  # a layer's path; where it saves most where absent


class ShipTable(Strict):
    """When `refit` says ship, beside the limits of the run; a rule that is left out is not asked for.

    max_loss: points of the metric on the same test samples that the new run may be below the old one; of an error,
    growth in percent. Below zero: it must be better by so much.
    min_score: of the new int8 network on the test samples, in the metric's unit; of an error, the most.
    max_flash_growth, max_ram_growth: bytes; max_slowdown: percent of the old run's inference.
    """

    max_loss: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    min_score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    max_flash_growth: Bytes | None = None
    max_ram_growth: Bytes | None = None
    max_slowdown: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Project(Strict):
    """A whole `edgeprune.toml`; `root` is its folder."""

    model: ModelTable
    data: DataTable
    task: TaskTable = TaskTable()
    limits: LimitsTable = LimitsTable()
    training: TrainingTable = TrainingTable()
    ship: ShipTable = ShipTable()
    _root: Path = PrivateAttr(default_factory=Path)

    @property
    def root(self) -> Path:
        return self._root

    def reading(self, weights: Path | None, data: Path | None) -> Project:
        """The same project with other weights or data, absolute paths; None: its own."""
        tables: dict[str, Any] = {}
        if weights is not None:
            tables["model"] = self.model.model_copy(update={"weights": weights})
        if data is not None:
            tables["data"] = self.data.model_copy(update={"path": data, "entry": None})
        return _rooted(self.model_copy(update=tables), self.root)

    def seeded(self, seed: int | None) -> Project:
        """The same project with another seed of its training; None: its own."""
        if seed is None:
            return self
        training = self.training.model_copy(update={"seed": seed})
        return _rooted(self.model_copy(update={"training": training}), self.root)

    @model_validator(mode="after")
    def _tables_agree(self) -> Project:
        shape = self.model.sample_shape
        if self.data.augment != "none" and len(shape) != 3:
            raise ValueError(f"data.augment is for images; the input {list(shape)} is not (C, H, W)")
        if self.data.spectrogram is not None:
            _refuse_other_bands(self.data.spectrogram, self.model.input)
        stated = {"mean": self.data.mean, "std": self.data.std}
        for name, values in stated.items():
            _refuse_counts(f"data.{name}", values, self.model)
        return self


def _refuse_counts(
    key: str, values: tuple[float, ...] | dict[str, tuple[float, ...]] | None, model: ModelTable
) -> None:
    """Raises ValueError where values are not one a channel, or one for all."""
    if values is None:
        return
    shapes = model.inputs_by_name
    if isinstance(values, dict) != bool(shapes):
        raise ValueError(f"{key} is " + ("a table by the names of 'inputs'" if shapes else "a list, one a channel"))
    for name, own in values.items() if isinstance(values, dict) else (("", values),):
        if shapes and name not in shapes:
            raise ValueError(f"{key}.{name}: the inputs are {', '.join(shapes)}")
        count = (shapes[name] if shapes else model.sample_shape)[0]
        if len(own) not in (1, count):
            raise ValueError(f"{key}{f'.{name}' if name else ''} has {len(own)} values, the input {count} channels")


def _refuse_other_bands(spectrogram: SpectrogramTable, shape: tuple[int, ...] | None) -> None:
    """Raises ValueError where the model takes no spectrogram of so many bands."""
    bands = spectrogram.mel_bands
    if shape is None or len(shape) not in (2, 3) or shape[-2] != bands or (len(shape) == 3 and shape[0] != 1):
        stated = "several inputs" if shape is None else f"the input {list(shape)}"
        raise ValueError(f"data.spectrogram gives [{bands}, frames] or [1, {bands}, frames]; the model has {stated}")


def load_project(path: Path) -> Project:
    """Reads a project file, or `edgeprune.toml` in a folder.

    Raises:
        UsageError: no such file, no TOML, unknown or missing keys, values out of range; each named.
    """
    path = path / FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise UsageError(f"{path} is not there", hint="`edgeprune init` writes a working one")
    return _rooted(load_toml(path, Project), path.parent)


def project_from(tables: dict[str, Any], root: Path) -> Project:
    """A project out of parsed tables whose paths are relative to `root`.

    Raises:
        UsageError: unknown or missing keys, values out of range; each named.
    """
    return _rooted(validated(tables, Project, root / FILE_NAME), root)


def _rooted(project: Project, root: Path) -> Project:
    project._root = root.resolve()
    return project


def default_project() -> Project:
    """The bundled model and data: scikit-learn's handwritten digits."""
    return load_project(_BUNDLED)


def project_template() -> dict[str, bytes]:
    """File name -> content of a project that works as written, for `edgeprune init`."""
    return {path.name: path.read_bytes() for path in sorted(_BUNDLED.iterdir()) if path.name in _template_names()}


def _template_names() -> tuple[str, ...]:
    project = default_project()
    return (FILE_NAME, "model.py", "data.py", str(project.model.weights))
