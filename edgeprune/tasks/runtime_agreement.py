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
        most_difference: of any two values of the first output, relative to the largest of all.
        argmax_agreement: share (0..1) with the same largest output; None for no vectors.
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
    """rows: (N, output bytes) uint8; first: (N, values) float32 of the first output."""

    rows: np.ndarray
    first: np.ndarray


def compare_runtimes(session: RuntimeSession, there: Computed, here: Computed, score: Score) -> RuntimeVerified:
    """Raises VerificationError: less than 99 % of the samples have the same largest value, or one is 5 % of it away."""
    largest = float(np.abs(here.first).max()) or 1.0
    most = float(np.abs(here.first - there.first).max()) / largest
    share = agreement(here.first, there.first)
    place = session.machine.name
    if (
        not np.isfinite(there.first).all()
        or most > _MOST_DIFFERENCE
        or (share is not None and share < _LEAST_AGREEMENT)
    ):
        agreed = "" if share is None else f"; {share:.1%} have the same largest output"
        raise VerificationError(
            f"{place}: outputs of {session.runtime} are up to {most:.1%} of the largest one away from this machine's "
            f"over {len(there.rows)} samples{agreed}",
            hint="is the runtime there the version here? remove the folder `edgeprune` in its cache and run it again",
        )
    same = float((there.rows == here.rows).all(axis=1).mean())
    return RuntimeVerified(session.source, place, session.runtime, len(there.rows), same, most, share, score)
