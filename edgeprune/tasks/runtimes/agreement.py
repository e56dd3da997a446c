"""What somebody else's runtime computes on a device beside the same runtime on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.errors import VerificationError
from edgeprune.tasks.score import Score

_LEAST_AGREEMENT, _MOST_DIFFERENCE = 0.99, 0.05
_ROUNDING = 1 + 1e-4  # of a difference of two float32 that are a step apart


@dataclass(frozen=True)
class RuntimeVerified:
    """A device beside this machine.

    Attributes:
        runtime: its name and version there.
        same_bytes: share (0..1) of samples whose outputs are the same bytes.
        most_difference: of any two values of an output, relative to the largest of that output.
        argmax_agreement: share (0..1) with the same largest value of the first output, or where another is the largest
            by no more than a step of quantization; None for no vectors.
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
    """rows: (N, output bytes) uint8; outputs: (N, values) float32 of each; steps: between neighbouring values of each,
    None where they lie on no grid."""

    rows: np.ndarray
    outputs: tuple[np.ndarray, ...]
    steps: tuple[float | None, ...]


def compare_runtimes(session: RuntimeSession, there: Computed, here: Computed, score: Score) -> RuntimeVerified:
    """Holds both against one another; a step of an output's quantization is no difference of any weight.

    Raises:
        VerificationError: less than 99 % of the samples have the same largest value in the first output, or a value of
            any output is more than a step and more than 5 % of that output's largest away, or no finite value.
    """
    apart = [
        _apart(own, other, step or 0.0)
        for own, other, step in zip(here.outputs, there.outputs, here.steps, strict=True)
    ]
    most = float(np.max([relative for relative, _ in apart]))
    share = _agreement(here.outputs[0], there.outputs[0], here.steps[0] or 0.0)
    place = session.machine.name
    if not all(is_near for _, is_near in apart) or (share is not None and share < _LEAST_AGREEMENT):
        agreed = "" if share is None else f"; {share:.1%} have the same largest output, or one within a step of it"
        raise VerificationError(
            f"{place}: outputs of {session.runtime} are up to {most:.1%} of the largest one away from this machine's "
            f"over {len(there.rows)} samples{agreed}",
            hint="is the runtime there the version here? `edgeprune profile` names it",
        )
    same = float((there.rows == here.rows).all(axis=1).mean())
    return RuntimeVerified(session.source, place, session.runtime, len(there.rows), same, most, share, score)


def _apart(here: np.ndarray, there: np.ndarray, step: float) -> tuple[float, bool]:
    """The largest difference relative to the largest value here, NaN where a value is not finite; whether that is
    near."""
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        return float("nan"), False
    most = float(np.abs(here - there).max())
    relative = most / (float(np.abs(here).max()) or 1.0)
    return relative, relative <= _MOST_DIFFERENCE or most <= step * _ROUNDING


def _agreement(here: np.ndarray, there: np.ndarray, step: float) -> float | None:
    """Share (0..1) of the rows whose largest value is at the same place, or became another by differences of no more
    than a step; None for no vectors of two and more."""
    if here.ndim != 2 or here.shape[1] < 2:
        return None
    places = np.stack([here.argmax(axis=1), there.argmax(axis=1)], axis=1)
    moved = np.abs(np.take_along_axis(here, places, axis=1) - np.take_along_axis(there, places, axis=1)).max(axis=1)
    return float(((places[:, 0] == places[:, 1]) | (moved <= step * _ROUNDING)).mean())
