"""Inputs to replay on a board: a run's own, a user's `.npz`, or random ones, always with the host's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from edgeprune.deploy.firmware.verified import random_inputs
from edgeprune.errors import DataError, UsageError, VerificationError
from edgeprune.files.bounded import Unreadable, read_npz
from edgeprune.ir import DType, Graph, Tensor
from edgeprune.quantize.child import in_child
from edgeprune.quantize.host import Kernels, deployed_outputs, reference_sequence
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.subject import Subject

_SEED = 0
_TOLD_CLIPPED = 0.01  # share of the values; a few are beyond any calibrated range
_FEATURES, _LABELS = "x", "y"  # names in an `.npz`, where a model has one input


@dataclass(frozen=True, eq=False)
class Samples:
    """What one inference takes and gives, for each of N, in order: a model with state goes through them as a sequence.

    Attributes:
        inputs: per input of the model (N, ...) of its type; where a model takes batches of two, two of them a sample.
        expected: per output (N, ...), from LiteRT's reference interpreter.
        left: bool (N,), the inputs that leave at an early exit.
        targets: (N, ...) labels or values, or None.
        notes: what was done to them that a reader of the figures must know.
    """

    inputs: tuple[np.ndarray, ...]
    expected: tuple[np.ndarray, ...]
    left: np.ndarray
    targets: np.ndarray | None
    notes: tuple[str, ...] = ()

    @property
    def input_rows(self) -> np.ndarray:
        """(N, bytes) uint8, all inputs end to end as the console takes them."""
        return _rows(self.inputs)

    @property
    def expected_rows(self) -> np.ndarray:
        """(N, bytes) uint8, all outputs end to end."""
        return _rows(self.expected)

    def outputs_of(self, rows: np.ndarray) -> list[np.ndarray]:
        """(N, bytes) uint8 as a board gives them -> per output (N, ...) of its type.

        Raises:
            VerificationError: other sizes than the file states.
        """
        check_output_bytes(rows, sum(wanted[0].nbytes for wanted in self.expected))
        found, at = [], 0
        for wanted in self.expected:
            size = wanted[0].nbytes
            found.append(np.ascontiguousarray(rows[:, at : at + size]).view(wanted.dtype).reshape(wanted.shape))
            at += size
        return found


def check_output_bytes(rows: np.ndarray, stated: int) -> None:
    """Raises VerificationError where a device gave other outputs than the file states."""
    if rows.shape[1] != stated:
        raise VerificationError(
            f"{rows.shape[1]:,} B came back for a sample, and the file's outputs are {stated:,} B",
            hint="is what runs there made of this file? flash it, or let it be installed, again",
        )


def samples_for(subject: Subject | ProgramSubject, count: int, data: Path | None) -> Samples:
    """The first `count` samples.

    Args:
        data: `.npz` with an array for each input by the tensor's name, or `x` where there is one input: values as the
            model takes them, or float32 to be quantized; (N, ...) without the model's batch of one, and perhaps labels
            `y`. None takes the run's own, or random bytes.

    Raises:
        UsageError: a bare ELF has no model to compute expected outputs with.
        DataError: the `.npz` does not suit the model.
    """
    if subject.tflite is None or subject.model is None:
        raise UsageError(f"{subject.name} carries no model to compare with", hint="give the run folder or the .tflite")
    graph = subject.model.graph
    targets: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    if data is not None:
        inputs, targets, notes = _from_file(data, count, graph)
    elif subject.samples is not None:
        kept, targets = of_the_run(subject.samples, count)
        inputs = _by_input(kept, graph)
    else:
        inputs = random_inputs(graph, count, _SEED)
    if subject.exit_margin is not None:
        host = in_child(deployed_outputs, subject.tflite, _end_to_end(inputs), subject.exit_margin, Kernels.REFERENCE)
        return Samples(inputs, (host.outputs[0],), host.left, targets, notes)
    ends = [graph.tensors[index] for index in graph.inputs]
    sequence = [
        [values[number].reshape(end.shape) for values, end in zip(inputs, ends, strict=True)]
        for number in range(len(inputs[0]))
    ]
    answers = in_child(reference_sequence, subject.tflite, sequence)
    expected = tuple(np.stack(parts) for parts in zip(*answers, strict=True))
    return Samples(inputs, expected, np.zeros(len(inputs[0]), bool), targets, notes)


def _by_input(kept: np.ndarray, graph: Graph) -> tuple[np.ndarray, ...]:
    """Samples as a run keeps them, several inputs end to end -> (N, ...) for each input."""
    ends = [graph.tensors[index] for index in graph.inputs]
    rows = kept.reshape(len(kept), -1)
    pieces = np.split(rows, np.cumsum([prod(end.shape) for end in ends])[:-1], axis=1)
    return tuple(
        piece.reshape(len(kept), *end.shape[1:]).astype(str(end.dtype)) for piece, end in zip(pieces, ends, strict=True)
    )


def _end_to_end(inputs: Sequence[np.ndarray]) -> np.ndarray:
    return inputs[0] if len(inputs) == 1 else np.concatenate([one.reshape(len(one), -1) for one in inputs], axis=1)


def of_the_run(path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        kept = read_npz(path, ("inputs", "targets"))
        return kept["inputs"][:count], kept["targets"][:count]
    except (Unreadable, OSError, KeyError, IndexError) as problem:
        raise DataError(
            f"{path} cannot be read: {problem}", hint="run `edgeprune fit` again, or name --data"
        ) from problem


def real_values(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """(N, ...) as the numbers they stand for: `(q - zero_point) * scale`, or themselves where nothing is quantized."""
    if tensor.qparams is None or values.dtype.kind == "f":
        return values
    scale, zero_point = tensor.qparams.scale[0], tensor.qparams.zero_point[0]
    return np.asarray((values.astype(np.float32) - zero_point) * np.float32(scale))


def _rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    each = [np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8) for values in arrays]
    return np.concatenate(each, axis=1)


def _from_file(
    data: Path, count: int, graph: Graph
) -> tuple[tuple[np.ndarray, ...], np.ndarray | None, tuple[str, ...]]:
    """Inputs, targets and notes, as `Samples` has them."""
    try:
        arrays = read_npz(data, None)
    except (Unreadable, OSError, KeyError, IndexError) as problem:
        raise DataError(f"{data} cannot be read: {problem}", hint=_wanted(graph)) from problem
    found, notes = [], []
    for index in graph.inputs:
        tensor = graph.tensors[index]
        name = tensor.name if tensor.name in arrays or len(graph.inputs) > 1 else _FEATURES
        if name not in arrays:
            raise DataError(f"{data} holds no {tensor.name!r}, only {', '.join(sorted(arrays)[:8])}", _wanted(graph))
        given = _shaped(data, name, tensor, _first(data, name, arrays[name], count))
        values, clipped = _quantized(data, name, tensor, given)
        found.append(values)
        if clipped >= _TOLD_CLIPPED:
            notes.append(f"{clipped:.1%} of {name!r} are beyond what the input can hold, {_reach(tensor)}, and clipped")
    if len({len(values) for values in found}) != 1:
        raise DataError(
            f"{data}: its inputs have {', '.join(str(len(values)) for values in found)} samples", "as many of each"
        )
    targets = arrays.get(_LABELS)
    if targets is not None:
        targets = _first(data, _LABELS, targets, count)
        if len(targets) != len(found[0]):
            raise DataError(
                f"{data}: {_LABELS!r} has {len(targets)} targets for {len(found[0])} samples", "one target a sample"
            )
    return tuple(found), targets, tuple(notes)


def _first(data: Path, name: str, values: np.ndarray, count: int) -> np.ndarray:
    if values.ndim == 0:
        raise DataError(f"{data}: {name!r} is a single value", "the first axis is the samples")
    return values[:count]


def _wanted(graph: Graph) -> str:
    names = ", ".join(repr(graph.tensors[index].name) for index in graph.inputs)
    return f"an .npz with {names}{' or x' if len(graph.inputs) == 1 else ''} and, for accuracy, y"


def _shaped(data: Path, name: str, tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """(N, ...) without the model's batch of one."""
    if len(values) == 0:
        raise DataError(f"{data}: {name!r} holds no sample", "the first axis is the samples")
    shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    if values.shape[1:] == tensor.shape:
        values = values.reshape(len(values), *shape)
    if values.shape[1:] != shape:
        last = values.ndim > 2 and np.moveaxis(values, 1, -1).shape[1:] == shape
        raise DataError(
            f"{data}: {name!r} is {values.shape}, the model takes (N, {', '.join(map(str, shape))})",
            f"channels come last in this file: np.moveaxis({name}, 1, -1)" if last else "one row for each sample",
        )
    return values


def _quantized(data: Path, name: str, tensor: Tensor, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Values as the model takes them, (N, ...), and the share (0..1) that its type or scale cannot hold."""
    wanted = np.dtype(str(tensor.dtype))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise DataError(f"{data}: {bad:,} of {values.size:,} values of {name!r} are NaN or infinite", "finite values")
    if values.dtype == wanted:
        return values, 0.0
    if values.dtype.kind != "f" or tensor.dtype in (DType.INT32, DType.INT64):
        raise DataError(
            f"{data}: {name!r} is {values.dtype}, the model takes {wanted}",
            f"{wanted} as the model takes it" + ("" if tensor.qparams is None else ", or float32, which is quantized"),
        )
    if tensor.qparams is None:
        return values.astype(wanted), 0.0
    scale, zero_point, limits = tensor.qparams.scale[0], tensor.qparams.zero_point[0], np.iinfo(wanted)
    steps = np.round(values.astype(np.float32) / np.float32(scale)) + zero_point
    clipped = float(((steps < limits.min) | (steps > limits.max)).mean())
    return np.asarray(np.clip(steps, limits.min, limits.max).astype(wanted)), clipped


def _reach(tensor: Tensor) -> str:
    """The real values between which a quantized tensor's lie."""
    assert tensor.qparams is not None
    limits = np.iinfo(np.dtype(str(tensor.dtype)))
    least, most = (tensor.qparams.scale[0] * (end - tensor.qparams.zero_point[0]) for end in (limits.min, limits.max))
    return f"{least:.4g} to {most:.4g}"
