"""How inferences are timed on a device."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """First `warm_up` inferences that count nothing, then `runs`, on one core or wherever they come, by so many threads
    of the runtime."""

    warm_up: int
    runs: int
    core: int | None = None
    threads: int = 1

    @property
    def words(self) -> list[str]:
        """As programs and runners read them; our own programs have one thread."""
        words = [str(self.warm_up), str(self.runs), *([] if self.core is None else [str(self.core)])]
        return words if self.threads == 1 else [*words, f"threads={self.threads}"]
