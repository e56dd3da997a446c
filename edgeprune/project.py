"""The project file `edgeprune.toml`: which model, which data, what counts as good, which limits.

Every table but `[model]` and `[data]` may be left out, and every key the command line can override is optional. Unknown
keys are errors. Paths are relative to the file's folder. The bundled project (`edgeprune/bundled`) is the commented
example, the project used where there is no file, and what `edgeprune init` writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from edgeprune.errors import UsageError
from edgeprune.schema import Strict, check, load_toml
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


class ModelTable(Strict):
    """entry: `file.py:function` that builds the network; weights: `.safetensors` or `.pt`; input: one sample."""

    entry: str
    weights: Path | None = None
    input: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=3)]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,31}$")] = "model"


class DataTable(Strict):
    """entry: `file.py:function`; path: an `.npz`, or a folder or zip of images in class folders. One of the two.

    mean, std: per channel; the network sees (value - mean) / std, where 8-bit images are first scaled to 0..1.
    resize: scale images of another size to the model's input.
    augment: `flip-crop` mirrors and shifts training images by up to 2 pixels, `crop` only shifts. None where a mirrored
    image means something else (digits, spectrograms: no flip).
    """

    entry: str | None = None
    path: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    resize: bool = False
    augment: Literal["none", "crop", "flip-crop"] = "none"

    @model_validator(mode="after")
    def _one_source(self) -> DataTable:
        if (self.entry is None) == (self.path is None):
            raise ValueError("give either 'entry' (file.py:function) or 'path' (.npz, folder or zip of images)")
        return self


class TaskTable(Strict):
    """loss, metric: a name of `edgeprune.train.objective`, or `file.py:function` of (outputs, targets).

    classes: of the network's, those that are needed; the others and what only they needed are removed.
    """

    loss: str = "cross_entropy"
    metric: str = "accuracy"
    classes: tuple[Annotated[int, Field(ge=0)], ...] | None = None


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
    """similarity: weight of the original's features beside its answers; device: auto is a GPU where there is one."""

    epochs: Annotated[int, Field(ge=0)] = 3
    batch: PositiveInt = 128
    lr: Annotated[float, Field(gt=0)] | None = None  # the optimizer's own where absent
    optimizer: Literal["muon", "sgd"] = "muon"
    similarity: Annotated[float, Field(ge=0)] = 0.0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0
    criterion: str = "l2"
    granularity: str = "channels"
    early_exit: Annotated[float, Field(ge=0)] | None = None  # points of the metric it may lose
    exit_after: str | None = None  # a layer's path; where it saves most where absent


class Project(Strict):
    """A whole `edgeprune.toml`; `root` is its folder."""

    model: ModelTable
    data: DataTable
    task: TaskTable = TaskTable()
    limits: LimitsTable = LimitsTable()
    training: TrainingTable = TrainingTable()
    _root: Path = PrivateAttr(default_factory=Path)

    @property
    def root(self) -> Path:
        return self._root

    @model_validator(mode="after")
    def _tables_agree(self) -> Project:
        if self.data.augment != "none" and len(self.model.input) != 3:
            raise ValueError(f"data.augment is for images; the input {list(self.model.input)} is not (C, H, W)")
        channels = self.model.input[0]
        for name, values in (("mean", self.data.mean), ("std", self.data.std)):
            if values is not None and len(values) not in (1, channels):
                raise ValueError(f"data.{name} has {len(values)} values, the input {channels} channels")
        return self


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
    return _rooted(check(tables, Project, root / FILE_NAME), root)


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
