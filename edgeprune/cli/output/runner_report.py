"""What `profile --runner` shows: the figures that a runner of the user's own reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.cli.output.operators import operators_data, operators_table
from edgeprune.cli.output.printer import Printer
from edgeprune.units import bytes_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.tasks.runtimes.user_runner import RunnerProfile


def show_runner_profile(shown: RunnerProfile, printer: Printer) -> None:
    """Times of a device alone."""
    report, figures = shown.report, shown.report.figures
    result = {
        "source": "device",
        "target": shown.target.name,
        "machine": report.machine,
        "runtime": report.runner,
        "file_bytes": shown.file_bytes,
        "runs": None if figures is None else figures.runs,
        "latency": None if figures is None else dict(figures.values),
    } | operators_data(report.operators)
    title = f"{shown.name} on {shown.target.name} ({report.machine})"
    size = f"{title}: file {bytes_text(shown.file_bytes)}, in your {report.runner}"
    if figures is None:
        printer.result(result, size, f"not timed: {report.machine} emulates the processor")
        return
    told = ", ".join(f"{name.removesuffix('_us')} {microseconds_text(us)}" for name, us in figures.values.items())
    printer.result(
        result,
        *operators_table(report.operators, title),
        size,
        f"one inference, as the runner reports it over {figures.runs}: {told}",
    )
