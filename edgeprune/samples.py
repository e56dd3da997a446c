"""Inputs to replay on a board: a run's own, a user's `.npz`, or random ones, always with the host's answers."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.errors import DataError, UsageError
from edgeprune.quantize.host import Kernels, deployed_outputs, quantized_inputs
from edgeprune.subject import Subject


@dataclass(frozen=True, eq=False)
class Samples:
    """inputs, expected: int8 (N, ...), the latter from LiteRT's reference interpreter; targets: (N,) labels or None.

    left: bool (N,), the inputs that leave at an early exit.
    """

    inputs: np.ndarray
    expected: np.ndarray
    left: np.ndarray
    targets: np.ndarray | None


def samples_for(subject: Subject, count: int, data: Path | None) -> Samples:
    """The first `count` samples.

    Args:
        data: `.npz` with `x` (int8 as the model takes them, or float32 to be quantized; images (N, H, W, C)) and
            perhaps labels `y`; None takes the run's, or random bytes (seed 0).

    Raises:
        UsageError: a bare ELF has no model to compute expected answers with.
        DataError: the `.npz` does not suit the model.
    """
    if subject.tflite is None or subject.model is None:
        raise UsageError(f"{subject.name} carries no model to compare with", hint="give the run folder or the .tflite")
    graph = subject.model.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UsageError(
            f"{subject.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs",
            hint="replay takes models of one input and one output; a run folder knows when to leave at its early exit",
        )
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    if data is not None:
        inputs, targets = _from_file(data, count, shape, subject.tflite)
    elif subject.samples is not None:
        with np.load(subject.samples, allow_pickle=False) as kept:
            inputs, targets = kept["inputs"][:count], kept["targets"][:count]
    else:
        inputs, targets = np.random.default_rng(0).integers(-128, 128, (count, *shape), np.int8), None
    host = deployed_outputs(subject.tflite, inputs, subject.exit_margin, Kernels.REFERENCE)
    return Samples(inputs, host.outputs, host.left, targets)


def _from_file(data: Path, count: int, shape: tuple[int, ...], tflite: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with np.load(data, allow_pickle=False) as file:
            inputs = file["x"][:count]
            targets = file["y"][:count] if "y" in file else None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        raise DataError(
            f"{data} cannot be read: {problem}", hint="an .npz with 'x' and, for accuracy, 'y'"
        ) from problem
    if inputs.shape[1:] != shape or len(inputs) == 0:
        raise DataError(f"{data}: 'x' is {inputs.shape}, the model takes (N, {', '.join(map(str, shape))})")
    if inputs.dtype == np.int8:
        return inputs, targets
    if inputs.dtype.kind != "f" or not np.isfinite(inputs).all():
        raise DataError(f"{data}: 'x' is {inputs.dtype} or not finite", hint="int8 as the model takes it, or float32")
    return quantized_inputs(tflite, inputs.astype(np.float32)), targets
