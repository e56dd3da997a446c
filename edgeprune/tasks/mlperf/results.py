"""Result files in the lines of MLPerf Tiny's runner: a `results.txt` for performance and one for accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeprune.files import atomic
from edgeprune.tasks.mlperf.measure import Scored, Window, median_per_second

_RULE = "-" * 57


def write_results(folder: Path, about: str, windows: Sequence[Window], scored: Scored | None) -> tuple[Path, ...]:
    """Whole or not at all, each.

    Args:
        about: one line on what ran where, which says so where it was emulated.
    """
    texts = {"performance": performance_text(about, windows)}
    if scored is not None:
        texts["accuracy"] = accuracy_text(about, scored)
    paths = tuple(folder / mode / "results.txt" for mode in texts)
    for path, text in zip(paths, texts.values(), strict=True):
        atomic.write_text(path, text)
    return paths


def performance_text(about: str, windows: Sequence[Window]) -> str:
    lines = [about]
    for number, window in enumerate(windows, 1):
        lines += [
            f"Performance results for window {number}:",
            f"  # Inferences : {window.inferences:>13}",
            f"  Runtime      : {window.runtime_us / 1e6:>10.3f} sec.",
            f"  Throughput   : {window.per_second:>10.3f} inf./sec.",
        ]
    return _text([*lines, _RULE, f"Median throughput is {median_per_second(windows):>10.3f} inf./sec.", _RULE])


def accuracy_text(about: str, scored: Scored) -> str:
    value = f"{scored.value:.1f}%" if scored.metric == "Top-1" else f"{scored.value:.3f}"
    return _text([about, f"Files: {scored.files}", f"{scored.metric}: {value}"])


def _text(lines: Sequence[str]) -> str:
    return "".join(f"ulp-mlperf: {line}\n" for line in lines)
