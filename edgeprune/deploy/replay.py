"""Samples replayed on a device of any kind: kept as an `.npz`, sent as bytes, every output byte compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.errors import VerificationError
from edgeprune.files.atomic import file
from edgeprune.quantize.host import real_outputs


def save_samples(path: Path, inputs: np.ndarray, expected: np.ndarray, targets: np.ndarray) -> None:
    """Stores the samples of a replay as `inputs`, `expected` and `targets` of an `.npz`."""
    with file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, inputs=inputs, expected=expected, targets=targets)


def byte_rows(tensors: np.ndarray) -> np.ndarray:
    """(N, ...) of any type -> (N, bytes) uint8."""
    return np.ascontiguousarray(tensors).reshape(len(tensors), -1).view(np.uint8)


def real_rows(tflite: bytes, rows: np.ndarray, alike: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """A device's bytes (samples, bytes) as real values, each output's like the host's."""
    ends = np.cumsum([output[0].size for output in alike])
    pieces = zip(np.split(rows.view(np.int8), ends[:-1], axis=1), alike, strict=True)
    return tuple(real_outputs(tflite, piece.reshape(own.shape), number) for number, (piece, own) in enumerate(pieces))


def compare_bytes(number: int, output: np.ndarray, wanted: np.ndarray, place: str) -> None:
    """One sample's output, uint8, against the host's.

    Args:
        place: what computed it, for messages: "board", "program".

    Raises:
        VerificationError: they differ; the message names the sample, the place and both values.
    """
    if len(output) != len(wanted):
        raise VerificationError(
            f"sample {number}: the {place} outputs {len(output)} bytes, the host {len(wanted)}",
            hint=f"another model may be on the {place}: bring this one there first",
        )
    differing = np.flatnonzero(output != wanted)
    if len(differing):
        first = int(differing[0])
        raise VerificationError(
            f"sample {number}: {len(differing)} of {len(wanted)} output bytes differ; byte {first} is "
            f"{int(output[first])} on the {place} and {int(wanted[first])} on the host",
            hint="this is a fault of the engine: keep the model and report it; `--optimize size` uses plainer kernels",
        )
