"""A new run that goes the way of an old one: its target, limits, criterion, schedule, options and widths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.fitting.record import StepRecord, load_record
from edgeprune.model.load import project_module
from edgeprune.progress import Progress
from edgeprune.tasks.fit import FROM_PYTHON, FitRequest, begin_fit, resume_fit


def request_again(
    old: Path, weights: Path | None, data: Path | None, command: str, tag: str | None = None
) -> FitRequest:
    """What is asked of a run that refits the one in `old`.

    Args:
        weights, data: in place of those that the old run had; None keeps them.
        tag: that the new run is to have where it is to ship.

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
        tag=tag,
    )


def refitted(request: FitRequest, runs: Path, progress: Progress) -> Path:
    """The folder of the new run; where it loses too much at the old widths, of another, whose widths are chosen anew.

    Raises:
        ModelError: the weights cannot be loaded; no run was begun.
        EdgePruneError: as `begin_fit`.
    """
    project_module(request.loaded_project)
    return _at_widths_that_hold(Path(begin_fit(request, runs, progress).run), progress)


def refit_resumed(folder: Path, progress: Progress) -> Path:
    """As `refitted`, of a refit that was cut off in the folder.

    Raises:
        EdgePruneError: as `resume_fit`.
    """
    resume_fit(folder, progress)
    return _at_widths_that_hold(folder, progress)


def _at_widths_that_hold(folder: Path, progress: Progress) -> Path:
    record, request = load_record(folder), FitRequest.noted_in(folder)
    if not record.loses_too_much or request.options.widths is None:
        return folder
    progress.note(f"{record.drop_points:,.2f} points were lost at the widths of before: chosen anew")
    anew = replace(request, options=replace(request.options, widths=None))
    return Path(begin_fit(anew, folder.parent, progress).run)


def _widths(steps: Iterable[StepRecord], final: dict[str, int]) -> dict[str, int] | None:
    """Of every group that was thinned, as it was in the end; None where nothing was thinned.

    A thinned network may have fewer groups than it began with.
    """
    taken = [step for step in steps if not step.undone]
    widths: dict[str, int] = {}
    for step in taken:
        widths |= step.widths
    return widths | final if taken else None
