"""A new run that goes the way of an old one: its target, limits, criterion, schedule, options and widths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.fitting.record import RunRecord, StepRecord, load_record
from edgeprune.progress import Progress
from edgeprune.tasks.fit import FROM_PYTHON, FitRequest, begin_fit


def request_again(old: Path, weights: Path | None, data: Path | None, command: str) -> FitRequest:
    """What is asked of a run that refits the one in `old`.

    Args:
        weights, data: in place of those that the old run had; None keeps them.

    Raises:
        UsageError: no finished run is there, or one of objects that no project names.
    """
    old = old.resolve()
    record, request = load_record(old), FitRequest.noted_in(old)
    if request.options.command == FROM_PYTHON:
        raise UsageError(
            f"{old.name} was fitted from Python: its module and data are in no project",
            hint="call edgeprune.fit again, or fit from an edgeprune.toml",
        )
    options = replace(request.options, widths=_widths(record.steps, record.widths), command=command)
    return replace(
        request,
        options=options,
        weights=request.weights if weights is None else str(weights.resolve()),
        data=request.data if data is None else str(data.resolve()),
        refit_of=str(old),
    )


def refitted(request: FitRequest, runs: Path, progress: Progress) -> RunRecord:
    """The new run; where it loses too much at the old widths, another, whose widths are chosen anew.

    Raises:
        EdgePruneError: as `begin_fit`.
    """
    record = begin_fit(request, runs, progress)
    if not record.loses_too_much or request.options.widths is None:
        return record
    progress.note(f"{record.drop_points:,.2f} points were lost at the widths of before: chosen anew")
    return begin_fit(replace(request, options=replace(request.options, widths=None)), runs, progress)


def _widths(steps: Iterable[StepRecord], final: dict[str, int]) -> dict[str, int] | None:
    """Of every group that was thinned, as it was in the end; None where nothing was thinned.

    A thinned network may have fewer groups than it began with.
    """
    taken = [step for step in steps if not step.undone]
    widths: dict[str, int] = {}
    for step in taken:
        widths |= step.widths
    return widths | final if taken else None
