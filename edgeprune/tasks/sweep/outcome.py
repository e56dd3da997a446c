"""What came of a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WAITING, DONE, DOES_NOT_FIT, REFUSED, FAILED = "waiting", "done", "does not fit", "refused", "failed"
FINAL = (DONE, DOES_NOT_FIT, REFUSED)
"""What no resumed sweep does again: the same trial would come to the same."""


@dataclass(frozen=True)
class Outcome:
    """state: one of the above; seconds: it took; error: in words; result: figures of its record, where it has one."""

    state: str
    seconds: float
    error: str | None = None
    result: dict[str, Any] | None = None
