"""Numbers as text: bytes, counts and times, always with their unit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgeprune.errors import UsageError

_FACTORS = {"": 1, "b": 1, "k": 1024, "kb": 1024, "kib": 1024, "m": 1024**2, "mb": 1024**2, "mib": 1024**2}


def bytes_text(size_bytes: int) -> str:
    """131072 -> '131,072 B'."""
    return f"{size_bytes:,} B"


def memory_text(size_bytes: int) -> str:
    """Sizes as data sheets give them: 262144 -> '256 KiB'; what is no whole number of KiB in bytes."""
    unit, factor = "", 1
    for name in ("KiB", "MiB", "GiB"):
        if size_bytes % (factor * 1024) == 0 and size_bytes:
            unit, factor = name, factor * 1024
    return f"{size_bytes // factor} {unit}" if unit else bytes_text(size_bytes)


def count_text(count: int) -> str:
    """12501632 -> '12,501,632'."""
    return f"{count:,}"


def score_text(score: float) -> str:
    """A metric's value: two decimals, or three digits of an error below one, which two decimals would call 0.00."""
    return f"{score:.2f}" if score == 0 or abs(score) >= 1 else f"{score:.3g}"


def mean_and_spread(values: Sequence[float]) -> str:
    """[80.1, 80.3] -> '80.20 ± 0.14': the mean, and the standard deviation of several."""
    from statistics import fmean, stdev  # 27 ms, which `edgeprune --help` need not wait for

    mean = f"{fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {stdev(values):.2f}"


def microseconds_text(duration_us: float) -> str:
    """1234.5 -> '1.235 ms'; under a millisecond in us, from a second in s."""
    if duration_us < 1_000:
        return f"{duration_us:.0f} us"
    if duration_us < 1_000_000:
        return f"{duration_us / 1_000:.3f} ms"
    return f"{duration_us / 1_000_000:.3f} s"


def parse_bytes(text: str) -> int:
    """'96KiB', '96k' or '98304' -> 98304. K and M are powers of 1024, as on data sheets.

    Raises:
        UsageError: the text is no size.
    """
    match = re.fullmatch(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    factor = _FACTORS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise UsageError(f"'{text}' is no size", hint="write bytes or KiB/MiB, for example 98304, 96KiB or 1MiB")
    return int(float(match[1].replace("_", "").replace(",", "")) * factor)


def parse_microseconds(text: str) -> float:
    """'20ms', '1.5s', '800us' -> microseconds. A bare number is milliseconds.

    Raises:
        UsageError: the text is no duration.
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|)\s*", text)
    if match is None:
        raise UsageError(f"'{text}' is no duration", hint="write for example 800us, 20ms or 1.5s")
    return float(match[1]) * {"us": 1.0, "ms": 1e3, "": 1e3, "s": 1e6}[match[2]]
