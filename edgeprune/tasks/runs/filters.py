"""Which of many runs are meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeprune.tasks.runs.summary import RunSummary


@dataclass(frozen=True)
class RunFilter:
    """Every condition that is not None holds of a run that is meant.

    Attributes:
        accuracy: the int8 score is this or better: higher, or lower where the metric is an error.
        flash_bytes, ram_bytes, latency_us, drop_points: at most so much is taken, or lost.
        prefix: of the run's name; runs of a sweep begin with the sweep's.
    """

    target: str | None = None
    model: str | None = None
    criterion: str | None = None
    state: str | None = None
    tag: str | None = None
    prefix: str | None = None
    fits: bool | None = None
    accuracy: float | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    latency_us: float | None = None
    drop_points: float | None = None

    def of(self, runs: Sequence[RunSummary], tags: Mapping[str, str]) -> list[RunSummary]:
        """Those that are meant, in order; `tags`: tag -> run."""
        tagged = None if self.tag is None else tags.get(self.tag, "")
        return [run for run in runs if self._is_meant(run) and (tagged is None or run.name == tagged)]

    def _is_meant(self, run: RunSummary) -> bool:
        equal = ("target", "model", "criterion", "state", "fits")
        most = ("flash_bytes", "ram_bytes", "latency_us", "drop_points")
        return (
            all(getattr(self, key) is None or getattr(self, key) == getattr(run, key) for key in equal)
            and all(_is_within(getattr(run, key), getattr(self, key)) for key in most)
            and (self.prefix is None or run.name.startswith(self.prefix))
            and (self.accuracy is None or self._is_as_good(run))
        )

    def _is_as_good(self, run: RunSummary) -> bool:
        if run.score is None or self.accuracy is None:
            return False
        return run.score <= self.accuracy if run.lower_is_better else run.score >= self.accuracy


def _is_within(value: float | None, most: float | None) -> bool:
    """A run of which it is not known is not within."""
    return most is None or (value is not None and value <= most)
