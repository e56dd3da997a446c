"""Times of each operator in somebody else's runtime, as the table that a microcontroller's layers have."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.units import count_text

if TYPE_CHECKING:
    from edgeprune.deploy.hosted.operator_times import OperatorTimes

_PREDICTED, _SIZES = "us (roofline, at best)", ["output", "MACs"]


def operators_data(times: OperatorTimes) -> dict[str, Any]:
    """For `--json`."""
    return {"operators": [asdict(one) for one in times.operators], "operators_note": times.note or None}


def operators_table(times: OperatorTimes, title: str) -> list[ColumnsThatFit | str]:
    """The table, less columns that no row has a value for, and how it was made; nothing where nothing was timed."""
    if not times.operators:
        return [times.note] if times.note else []
    total_us = sum(one.mean_us for one in times.operators)
    rows = [
        [
            one.name,
            one.operator,
            "" if one.output_shape is None else "x".join(map(str, one.output_shape)),
            "" if one.macs is None else count_text(one.macs),
            "" if one.predicted_us is None else f"{one.predicted_us:,.1f}",
            f"{one.mean_us:,.1f}",
            f"{100 * one.mean_us / total_us:.1f} %" if total_us else "",
        ]
        for one in times.operators
    ]
    columns = ["layer", "operator", *_SIZES, _PREDICTED, "us (device)", "share"]
    used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    kept = [columns[place] for place in used]
    numeric = [name for name in kept if name not in ("layer", "operator", "output")]
    return [
        table(kept, [[row[place] for place in used] for row in rows], numeric, title, spare=_SIZES),
        f"{times.note}; {total_us:,.1f} us in all",
    ]
