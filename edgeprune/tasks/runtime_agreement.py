"""What somebody else's runtime computes on a device beside the same runtime on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.errors import VerificationError
from edgeprune.export.tflite import agreement
from edgeprune.tasks.score import Score

_LEAST_AGREEMENT, _MOST_DIFFERENCE = 0.99, 0.05


@dataclass(frozen=True)
class RuntimeVerified:
    """A device beside this machine.

    Attributes:
        runtime: its name and version there.
        same_bytes: share (0..1) of samples whose outputs are the same bytes.
        most_difference: of any two values of an output, relative to the largest of that output.
        argmax_agreement: share (0..1) with the same largest value of the first output; None for no vectors.
        score: what labels show.
    """

    source: str
    place: str
    runtime: str
    samples: int
    same_bytes: float
    most_difference: float
    argmax_agreement: float | None
    score: Score


@dataclass(frozen=True, eq=False)
class Computed:
    """rows: (N, output bytes) uint8; outputs: (N, values) float32 of each."""

    rows: np.ndarray
    outputs: tuple[np.ndarray, ...]


def compare_runtimes(session: RuntimeSession, there: Computed, here: Computed, score: Score) -> RuntimeVerified:
    """Raises VerificationError: less than 99 % of the samples have the same largest value in the first output, or a
    value of any output is more than 5 % of that output's largest away, or no finite value."""
    most = float(np.max([_apart(*pair) for pair in zip(here.outputs, there.outputs, strict=True)]))
    share = agreement(here.outputs[0], there.outputs[0])
    place = session.machine.name
    if not most <= _MOST_DIFFERENCE or (share is not None and share < _LEAST_AGREEMENT):  # NaN is not, either
        agreed = "" if share is None else f"; {share:.1%} have the same largest output"
        raise VerificationError(
            f"{place}: outputs of {session.runtime} are up to {most:.1%} of the largest one away from this machine's "
            f"over {len(there.rows)} samples{agreed}",
            hint="is the runtime there the version here? `edgeprune profile` names it",
        )
    same = float((there.rows == here.rows).all(axis=1).mean())
    return RuntimeVerified(session.source, place, session.runtime, len(there.rows), same, most, share, score)


def _apart(here: np.ndarray, there: np.ndarray) -> float:
    """The largest difference relative to the largest value here; NaN where a value is not finite."""
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        return float("nan")
    return float(np.abs(here - there).max()) / (float(np.abs(here).max()) or 1.0)
