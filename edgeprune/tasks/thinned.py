"""The network a finished run came to, made again from the original and what the run kept."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.files.bounded import Unreadable, read_npz
from edgeprune.fitting.record import RECORD_NAME
from edgeprune.model.inputs import with_inputs, with_whole_numbers
from edgeprune.model.load import project_module
from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.prune.network import Network
from edgeprune.prune.surgery.classes import keep_classes
from edgeprune.tasks.fit import FROM_PYTHON, FitRequest


def thinned_module(folder: Path, original: nn.Module | None = None) -> nn.Module:
    """The run's thinned network, float32, in evaluation mode.

    Args:
        original: that the run was made from; None builds what the run's project names.

    Raises:
        UsageError: no finished run there, or one of objects without `original`.
        ModelError: the original is another network.
    """
    if not (folder / RECORD_NAME).is_file():
        raise UsageError(f"{folder} holds no finished run", hint="finish it with `edgeprune fit --resume`")
    request = FitRequest.noted_in(folder)
    if original is None and request.options.command == FROM_PYTHON:
        raise UsageError(
            f"{folder} was fitted from Python: its module is not in a project",
            hint="edgeprune.load(run, model) takes the network it was made from",
        )
    if original is not None:
        module, shape = _with_inputs_of(folder, with_plain_weights(original)), _input_shape(folder)
        module = with_whole_numbers(module.eval(), shape)
    else:
        project = request.loaded_project
        module, shape = project_module(project), project.model.sample_shape
        if project.task.classes is not None:
            module = keep_classes(module, shape, project.task.classes)
    try:
        return Network.of(module, shape).load_thinned(folder, shape).module
    except (KeyError, RuntimeError, UsageError) as problem:
        raise ModelError(
            f"the network is not the one {folder} was made from: {str(problem).splitlines()[0][:200]}",
            hint="the original, untouched, as it was given to the fit",
        ) from problem


def _with_inputs_of(folder: Path, module: nn.Module) -> nn.Module:
    noted = folder / "inputs.json"
    return with_inputs(module, json.loads(noted.read_text())) if noted.is_file() else module


def _input_shape(folder: Path) -> tuple[int, ...]:
    """Of one sample, channels first, by the samples that were replayed."""
    try:
        *places, channels = read_npz(folder / "samples.npz", ("inputs",))["inputs"].shape[1:]
    except (Unreadable, OSError, KeyError, ValueError) as problem:
        raise UsageError(f"{folder / 'samples.npz'} cannot be read: {problem}", hint="run the fit again") from problem
    return (channels, *places)
