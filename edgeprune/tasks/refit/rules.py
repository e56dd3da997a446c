"""Ship or do not ship, by the rules of `[ship]` in edgeprune.toml. A rule that cannot be judged does not hold."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.project.file import ShipTable
from edgeprune.train.metrics import Metric
from edgeprune.units import bytes_text, score_text

_DIGITS = 4  # of points: scores are float32, and one point lost may be 1.0000038


@dataclass(frozen=True)
class Figures:
    """What a run came to.

    Attributes:
        score: of its int8 file over all test samples, on this machine, in the metric's unit.
        device_score: of the first of them, on its device.
        total_ticks: of one inference, in `clock`; None where nobody measured.
    """

    run: str
    fits: bool
    score: float
    device_score: float | None
    flash_bytes: int
    ram_bytes: int
    clock: str
    total_ticks: float | None


@dataclass(frozen=True)
class Ruling:
    """One rule: its key in `[ship]`, whether it holds, and why, with the values."""

    rule: str
    holds: bool
    words: str


def rulings(rules: ShipTable, metric: Metric, old: Figures, new: Figures) -> tuple[Ruling, ...]:
    """Of every rule that is asked for; the new network ships where all of them hold."""
    lost = round(metric.drop_points(old.score, new.score), _DIGITS)
    found = [
        Ruling("fits", new.fits, "within the run's limits" if new.fits else "beyond the run's limits"),
        Ruling(
            "max_loss",
            lost <= rules.max_loss,
            f"{metric.name} {score_text(old.score)} before, {score_text(new.score)} now: {_moved(lost)}, at most "
            f"{rules.max_loss:g} may be lost",
        ),
    ]
    if rules.min_score is not None:
        holds = new.score >= rules.min_score if metric.higher_is_better else new.score <= rules.min_score
        bound = "least" if metric.higher_is_better else "most"
        words = f"{metric.name} {score_text(new.score)}, at {bound} {rules.min_score:g} is asked for"
        found.append(Ruling("min_score", holds, words))
    growths = (
        ("max_flash_growth", "flash", new.flash_bytes - old.flash_bytes, rules.max_flash_growth),
        ("max_ram_growth", "RAM", new.ram_bytes - old.ram_bytes, rules.max_ram_growth),
    )
    for rule, name, growth_bytes, most_bytes in growths:
        if most_bytes is not None:
            words = f"{name} {growth_bytes:+,} B, at most +{bytes_text(most_bytes)} is allowed"
            found.append(Ruling(rule, growth_bytes <= most_bytes, words))
    if rules.max_slowdown is not None:
        found.append(_slowdown(rules.max_slowdown, old, new))
    return tuple(found)


def _moved(lost: float) -> str:
    return f"{-lost:.2f} points better" if lost < 0 else f"{lost:.2f} points lost"


def _slowdown(most_percent: float, old: Figures, new: Figures) -> Ruling:
    rule = "max_slowdown"
    if old.total_ticks is None or new.total_ticks is None:
        return Ruling(rule, False, "nobody measured the time of an inference of both runs")
    if old.clock != new.clock:
        return Ruling(rule, False, f"the old run was timed in {old.clock}, the new one in {new.clock}")
    percent = 100.0 * (new.total_ticks - old.total_ticks) / old.total_ticks
    return Ruling(
        rule, percent <= most_percent, f"{percent:+.1f} % {new.clock}, at most +{most_percent:g} % is allowed"
    )
