"""How `fit` and `profile` show what an early exit saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.units import count_text

if TYPE_CHECKING:
    from edgeprune.deploy.proof import ExitTicks


def exit_table(after: str, ticks: ExitTicks, unit: str, source: str) -> ColumnsThatFit:
    """Time per input beside that of the same layers without the exit."""
    columns = ["inputs", "leave early", f"mean {unit} ({source})", "least", "most", "without the exit"]
    figures = (ticks.mean, ticks.least, ticks.most, ticks.without)
    row = [str(ticks.inputs), f"{ticks.share:.0%}", *(count_text(round(one)) for one in figures)]
    return table(columns, [row], columns, title=f"early exit behind {after}")
