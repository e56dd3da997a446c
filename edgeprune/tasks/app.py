"""A run's thinned network, or a project's as it is, as a folder for somebody's own program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from edgeprune.budget import Optimize
from edgeprune.engine.compile import CompileOptions, compile_model
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.errors import UsageError
from edgeprune.export.tflite import channels_last
from edgeprune.files.names import name_from
from edgeprune.hardware.registry import load_target
from edgeprune.ir import DType, Tensor
from edgeprune.model.load import project_module
from edgeprune.project.file import Project
from edgeprune.quantize.host import Kernels, deployed_outputs
from edgeprune.release import __version__
from edgeprune.tasks.export import FileOptions, Format, exported
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.thinned import thinned_module
from edgeprune.toolchain.app import AppFacts, app_files
from edgeprune.toolchain.package import library_files
from edgeprune.toolchain.spectrogram import SPECTROGRAM_README, spectrogram_files
from edgeprune.train.data import load_data

_SAMPLES = 8  # of the vector
_PLAIN_C = "raspberry-pi-4b"  # its kernels are plain C, the same on every processor


def app_of_run(folder: Path) -> dict[str, bytes]:
    """Path -> content, of the finished run's network.

    Raises:
        UsageError: no run there, or one whose module was handed over from Python; several inputs.
    """
    module = thinned_module(folder)
    return app(FitRequest.noted_in(folder).loaded_project, module)


def app_of_project(project: Project) -> dict[str, bytes]:
    """The project's network as it is."""
    return app(project, project_module(project))


def app(project: Project, module: nn.Module) -> dict[str, bytes]:
    """Raises:
    UsageError: several inputs, or ends of other types.
    ModelError, UnsupportedOp: the network cannot be exported.
    """
    tflite = exported(project, module, FileOptions(Format.INT8))
    graph = read_tflite(tflite)
    inputs, outputs = ([graph.tensors[index] for index in ends] for ends in (graph.inputs, graph.outputs))
    if len(inputs) != 1 or not _is_known(inputs[0], outputs):
        listed = ", ".join(f"{end.name} {end.dtype}" for end in (*inputs, *outputs))
        raise UsageError(
            f"--package is for networks with one int8 or int16 input and int8 outputs; here they are {listed}",
            hint="`edgeprune build FILE.tflite --package DIR` writes the C of any network",
        )
    data = project.data
    mean, std = (_channels(values, plain) for values, plain in ((data.mean, 0.0), (data.std, 1.0)))
    mean, std = (part * max(len(mean), len(std)) if len(part) == 1 else part for part in (mean, std))
    facts = AppFacts(project.model.name, __version__, inputs[0], outputs, mean, std, project.task.classes)
    splits = load_data(project)
    samples = (splits.test if len(splits.test) else splits.calibration).take(_SAMPLES).tensor()
    values = channels_last(samples) * np.asarray(std, np.float32) + np.asarray(mean, np.float32)
    steps = facts.quantized(values).reshape(len(values), *inputs[0].shape[1:])
    answers = deployed_outputs(tflite, steps, None, Kernels.REFERENCE).outputs
    rows = np.concatenate([np.asarray(one).reshape(len(values), -1) for one in answers], axis=1)
    options = CompileOptions(Optimize.SPEED, name_from(project.model.name), "edgeprune export --package")
    model = compile_model(strip(tflite), load_target(_PLAIN_C), options)
    library = library_files(model.sources(), model.kernel_sources, Optimize.SPEED)
    files = app_files(facts, tflite, library, values, rows)
    if data.spectrogram is not None:
        sound = spectrogram_files(data.spectrogram, inputs[0], mean, std)
        files |= {f"spectrogram/{name}": text.encode() for name, text in sound.items()}
        files["README.md"] += SPECTROGRAM_README.encode()
    return files


def _is_known(input_: Tensor, outputs: Sequence[Tensor]) -> bool:
    return input_.dtype in (DType.INT8, DType.INT16) and all(end.dtype is DType.INT8 for end in outputs)


def _channels(values: object, plain: float) -> tuple[float, ...]:
    if isinstance(values, dict):
        raise UsageError(
            "--package is for networks with one input", hint="`edgeprune build FILE.tflite --package` takes any"
        )
    return tuple(values) if isinstance(values, tuple) else (plain,)
