"""What came of a refit, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.cli.output.tables import ColumnsThatFit, table
from edgeprune.units import bytes_text, count_text, score_text

if TYPE_CHECKING:
    from edgeprune.tasks.refit.decide import Decision
    from edgeprune.tasks.refit.rules import Figures


def decision_text(decision: Decision) -> list[ColumnsThatFit | str]:
    """Both runs side by side, then each rule."""
    both = (decision.old, decision.new)
    rows = [
        ["run", *(Path(one.run).name for one in both)],
        [f"{decision.metric}, {decision.test_samples:,} test samples", *(score_text(one.score) for one in both)],
        [f"{decision.metric} on the {decision.source}", *(_known(one.device_score) for one in both)],
        ["flash", *(bytes_text(one.flash_bytes) for one in both)],
        ["RAM", *(bytes_text(one.ram_bytes) for one in both)],
        ["one inference", *(_ticks(one) for one in both)],
    ]
    rules = [[rule.rule, "holds" if rule.holds else "does not hold", rule.words] for rule in decision.rules]
    return [
        table(["", "old", "new"], rows, ["old", "new"], title=verdict(decision)),
        table(["rule", "", ""], rules),
        f"run folder: {decision.run}",
    ]


def verdict(decision: Decision) -> str:
    return "ship" if decision.ship else "do not ship"


def _known(score: float | None) -> str:
    return "" if score is None else score_text(score)


def _ticks(figures: Figures) -> str:
    return "" if figures.total_ticks is None else f"{count_text(round(figures.total_ticks))} {figures.clock}"
