"""A run's thinned network, or a project's as it is, as a `.tflite` for phones and single-board computers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from torch import Tensor, nn

from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.strip import strip
from edgeprune.engine.tflite.write import FileNames, write_tflite
from edgeprune.errors import UsageError
from edgeprune.export.other_converter import OtherConverter
from edgeprune.export.tflite import checked_float_form, export_tflite, with_ends_of
from edgeprune.export.weights_only import dynamic_range, float16_weights
from edgeprune.model.load import project_module
from edgeprune.project.file import Project
from edgeprune.quantize.weights import Bits
from edgeprune.release import __version__
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.thinned import thinned_module
from edgeprune.train.data import load_data


class Format(StrEnum):
    """What a file computes with and stores."""

    INT8 = "int8"
    INT16X8 = "int16x8"  # int16 activations
    INT4 = "int4"  # int4 weights, int8 activations
    FLOAT32 = "float32"
    FLOAT16 = "float16"  # of weights
    DYNAMIC_RANGE = "dynamic-range"  # int8 weights, float32 activations


class Exporter(StrEnum):
    """Who writes the file."""

    EDGEPRUNE = "edgeprune"
    LITERT_TORCH = "litert-torch"


_BITS: Mapping[Format, Bits] = {
    Format.INT8: Bits(),
    Format.INT16X8: Bits(activations=16),
    Format.INT4: Bits(weights=4),
}
_SMALLER = {Format.FLOAT16: float16_weights, Format.DYNAMIC_RANGE: dynamic_range}


@dataclass(frozen=True)
class FileOptions:
    """How a file is written.

    Attributes:
        format: of its numbers.
        is_stripped: without names, signatures and what else no microcontroller reads.
        has_metadata: with `edgeprune.json` among its metadata: how inputs are scaled, which classes were kept.
        exporter: who writes it.

    Raises:
        UsageError: what this exporter does not offer, or what rules each other out.
    """

    format: Format
    is_stripped: bool = False
    has_metadata: bool = False
    exporter: Exporter = Exporter.EDGEPRUNE

    def __post_init__(self) -> None:
        if self.has_metadata and self.is_stripped:
            raise UsageError("--stripped leaves out what --metadata stores", hint="give one of the two")
        if self.exporter is Exporter.EDGEPRUNE:
            return
        if self.format not in (Format.FLOAT32, Format.INT8) or self.has_metadata:
            raise UsageError(
                f"--exporter {self.exporter} writes int8 and float32 files without metadata",
                hint="leave --exporter out for other formats",
            )


def exported_run(folder: Path, options: FileOptions) -> bytes:
    """The finished run's network.

    Raises:
        UsageError: no run there, or one whose module was handed over from Python.
    """
    module = thinned_module(folder)
    return exported(FitRequest.noted_in(folder).loaded_project, module, options)


def exported_project(project: Project, options: FileOptions) -> bytes:
    """The project's network as it is."""
    return exported(project, project_module(project), options)


def exported(project: Project, module: nn.Module, options: FileOptions) -> bytes:
    """The whole file, with names and a signature unless it is stripped.

    Raises:
        ModelError, UnsupportedOp: as `export_tflite`, or the other converter's.
        UsageError: the other converter is not installed.
    """
    samples = load_data(project).calibration.tensor()
    is_ours = options.exporter is Exporter.EDGEPRUNE
    data = _ours(project, module, samples, options) if is_ours else _by_other(module, samples, options)
    return strip(data) if options.is_stripped else data


def _by_other(module: nn.Module, samples: Tensor, options: FileOptions) -> bytes:
    with OtherConverter() as other:
        convert = other.int8_file if options.format is Format.INT8 else other.float_file
        return convert(module.eval(), samples)


def _ours(project: Project, module: nn.Module, samples: Tensor, options: FileOptions) -> bytes:
    described = f"{project.model.name}, {options.format}, by EdgePrune {__version__}"
    names = FileNames(description=described, metadata=_metadata(project) if options.has_metadata else {})
    if options.format in _BITS:
        return export_tflite(module, samples, _BITS[options.format], names).data
    form, smaller = checked_float_form(module, samples), _SMALLER.get(options.format)
    graph = form.graph if smaller is None else smaller(form.graph)
    return write_tflite(expressible(graph), with_ends_of(form, names))


def _metadata(project: Project) -> dict[str, bytes]:
    facts = {
        "model": project.model.name,
        "input": {
            "scaling": "8-bit images are divided by 255 first; then (value - mean) / std, by channel or one for all",
            "mean": project.data.mean or (0.0,),
            "std": project.data.std or (1.0,),
        },
        "classes": project.task.classes,
        "edgeprune": __version__,
    }
    return {"edgeprune.json": json.dumps(facts).encode()}
