"""`edgeprune refit`: fitted again, compared, judged; the decision is kept in the new run's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.files.atomic import write_text
from edgeprune.progress import Progress
from edgeprune.tasks.fit import FitRequest
from edgeprune.tasks.refit.again import refit_resumed, refitted
from edgeprune.tasks.refit.compared import compared
from edgeprune.tasks.refit.rules import Figures, Ruling, rulings

DECISION_NAME = "refit.json"


@dataclass(frozen=True)
class Decision:
    """What came of a refit; `refit.json` in the new run's folder."""

    ship: bool
    run: str
    metric: str
    test_samples: int
    source: str
    old: Figures
    new: Figures
    rules: tuple[Ruling, ...]

    @property
    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def broken(self) -> tuple[str, ...]:
        """Rules that do not hold, in words."""
        return tuple(f"{ruling.rule}: {ruling.words}" for ruling in self.rules if not ruling.holds)


@dataclass(frozen=True)
class Made:
    """The folder of a new run, the decision on it, and the tag it was asked to have where it is to ship."""

    folder: Path
    decision: Decision
    tag: str | None


def refit(request: FitRequest, runs: Path, progress: Progress) -> Made:
    """As `request_again` has it.

    Raises:
        EdgePruneError: the new run cannot be made, or one of the two does not run: nothing is to ship.
    """
    return _decided(refitted(request, runs, progress), progress)


def resume_refit(folder: Path, progress: Progress) -> Made:
    """Goes on with a refit that was cut off, wherever its folder lies by now.

    Raises:
        UsageError: the folder holds none.
    """
    if FitRequest.noted_in(folder).refit_of is None:
        raise UsageError(f"{folder} is no refit", hint="`edgeprune fit --resume` goes on with a fit")
    return _decided(refit_resumed(folder, progress), progress)


def _decided(folder: Path, progress: Progress) -> Made:
    both, request = compared(folder, progress), FitRequest.noted_in(folder)
    found = rulings(request.loaded_project.ship, both.metric, both.old, both.new)
    ship = all(ruling.holds for ruling in found)
    decision = Decision(ship, str(folder), both.metric.name, both.test_samples, both.source, both.old, both.new, found)
    write_text(folder / DECISION_NAME, json.dumps(decision.as_json, indent=1) + "\n")
    return Made(folder, decision, request.tag)
