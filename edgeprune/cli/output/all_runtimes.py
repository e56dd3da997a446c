"""What `profile --all-runtimes` shows; times only where a device took them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgeprune.cli.output.printer import Printer
from edgeprune.cli.output.tables import table
from edgeprune.cli.output.under_way import progress
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.units import bytes_text, microseconds_text, score_text

_SIZES = ["file", "runtime beside it", "planned memory", "resident (device)"]
_LATENCY = "latency (device, median)"


def show_all_runtimes(run: Path, target: str | None, address: str | None, timing: Timing, printer: Printer) -> None:
    """Raises UsageError, DeviceError, ToolchainError: as `side_by_side`."""
    from edgeprune.tasks.runtimes.side_by_side import Measuring, side_by_side

    found = side_by_side(run, target, Measuring(address, timing), progress())
    rows = [
        [
            row.name,
            *(_size(value) for value in (row.file_bytes, row.runtime_bytes, row.planned_bytes, row.resident_bytes)),
            "" if row.latency_us is None else microseconds_text(row.latency_us),
            "" if row.score is None else score_text(row.score),
        ]
        for row in found.rows
    ]
    columns = ["", *_SIZES, _LATENCY, found.metric]
    printer.result(
        asdict(found),
        table(
            columns, rows, columns[1:], spare=_SIZES[2:], title=f"{run.name} on {found.target}, {found.samples} samples"
        ),
        *([f"{timing.threads} threads of LiteRT and ExecuTorch; generated C has one"] if timing.threads > 1 else []),
        "planned memory: of generated C all of it, arena, program and stack; of the .pte its tensors alone",
        *(f"{row.name}: outputs by {row.computed}" for row in found.rows),
        *(f"{row.name}: {row.note}" for row in found.rows if row.note is not None),
        f"ship: {found.choice} ({found.why})",
    )


def _size(count_bytes: int | None) -> str:
    return "" if count_bytes is None else bytes_text(count_bytes)
