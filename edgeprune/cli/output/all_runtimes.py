"""What `profile --all-runtimes` shows; times only where a device took them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from edgeprune.cli.output.printer import Printer, table
from edgeprune.units import bytes_text, microseconds_text

_COLUMNS = ["", "file", "runtime beside it", "memory", "latency (device, median)", "accuracy", "outputs by"]


def show_all_runtimes(run: Path, address: str | None, timing: tuple[int, int], printer: Printer) -> None:
    """timing: inferences that count nothing, then those that are timed."""
    from edgeprune.tasks.all_runtimes import side_by_side

    found = side_by_side(run, address, *timing)
    rows = [
        [
            row.name,
            bytes_text(row.file_bytes),
            "not known" if row.runtime_bytes is None else bytes_text(row.runtime_bytes),
            "not known" if row.memory_bytes is None else bytes_text(row.memory_bytes),
            "not measured" if row.latency_us is None else microseconds_text(row.latency_us),
            "" if row.accuracy is None else f"{row.accuracy:.1f} %",
            row.computed,
        ]
        for row in found.rows
    ]
    printer.result(
        asdict(found),
        table(_COLUMNS, rows, _COLUMNS[1:6], title=f"{run.name} on {found.target}, {found.samples} test samples"),
        "memory: of generated C all of it, arena, program and stack; of the .pte its plan alone",
        *(f"{row.name}: {row.note}" for row in found.rows if row.note is not None),
        f"ship: {found.choice} ({found.why})",
    )
