"""What a fit came to that somebody should look at before shipping it, said beside the verdict and never in passing."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from edgeprune.budget import Budget, Footprint, LatencyBasis
from edgeprune.fitting.record import Accuracy
from edgeprune.train.metrics import Compares, Metric
from edgeprune.train.splits import Split
from edgeprune.units import microseconds_text, score_text

_LEAST_SQNR_DB = 20.0
_LARGE_DROP_POINTS = 2.0
_LARGE_FEATURE = 1000.0  # times the median of the others
_MISS_BYTES, _MISS_SHARE = 256, 0.01


def doubts(
    accuracy: Accuracy, metric: Metric, calibration: Split, sqnr_db: float | None, footprints: Sequence[Footprint]
) -> tuple[str, ...]:
    """Sentences, the gravest first; none where nothing is doubtful.

    Args:
        calibration: what ranges were measured on.
        sqnr_db: of the int8 outputs against the float network's.
        footprints: predicted and as linked.
    """
    predicted, linked = footprints
    return tuple(
        [
            *_int8(accuracy, metric, calibration, sqnr_db),
            *_missed("flash", predicted.flash_bytes, linked.flash_bytes),
            *_missed("arena", predicted.activation_bytes, linked.activation_bytes),
        ]
    )


def doubts_of_drop(accuracy: Accuracy, metric: Metric, max_drop_points: float | None) -> list[str]:
    """Where what may be lost is counted otherwise than its number seems to say."""
    before, name = accuracy.float_before, accuracy.metric
    if not metric.higher_is_better and before < metric.least_error:
        least = score_text(metric.least_error)
        return [
            f"the original's {name} of {score_text(before)} is next to none: growth is counted in percent of {least}, "
            "that of outputs as near to these targets as R2 of 99 %"
        ]
    if metric.compares is Compares.ANYTHING and max_drop_points is not None and 0 <= before <= max_drop_points:
        return [
            f"{max_drop_points:g} points of {name} may be lost and the original has {score_text(before)}: no score "
            "of 0 and more breaks that limit; --max-drop counts in the metric's own unit"
        ]
    return []


def why_unjudged(footprint: Footprint, budget: Budget, core: str) -> list[str]:
    """Why a limit of latency is neither held nor broken; nothing where it is one of them.

    Args:
        core: of the target.
    """
    if not footprint.unjudged(budget):
        return []
    assert budget.latency_us is not None
    return [f"a latency of {microseconds_text(budget.latency_us)} is not judged: {_what_is_missing(footprint, core)}"]


def _what_is_missing(footprint: Footprint, core: str) -> str:
    if footprint.latency_us is None:
        return "nobody measured its time"
    if footprint.latency_basis is LatencyBasis.INSTRUCTIONS:
        return f"no time is predicted of the {core} here, only instructions counted (docs/time.md)"
    if footprint.latency_basis is LatencyBasis.ROOFLINE:
        return "the profile's roofline is what no device goes below"
    if footprint.latency_range_us is None:
        return f"what the timing rules of the {core} are off by on this board is not known (docs/time.md)"
    return "waits for flash are not in the predicted time, the target's file states no timing of it (docs/time.md)"


def _int8(accuracy: Accuracy, metric: Metric, calibration: Split, sqnr_db: float | None) -> list[str]:
    lost = metric.drop_points(accuracy.float, accuracy.int8)
    noisy = sqnr_db is not None and sqnr_db < _LEAST_SQNR_DB
    found = []
    if lost > _LARGE_DROP_POINTS:
        found.append(
            f"int8 loses {lost:.2f} points of {accuracy.metric}: {score_text(accuracy.float)} as float32, "
            f"{score_text(accuracy.int8)}"
        )
    if noisy:
        found.append(
            f"int8 outputs are {sqnr_db:.1f} dB above their quantization noise; {_LEAST_SQNR_DB:.0f} are usual"
        )
    if found:
        found.extend(_large_feature(calibration))
    return found


def _large_feature(calibration: Split) -> list[str]:
    """One channel of the input that takes the int8 range from all others."""
    samples = calibration.tensor()
    channels = samples.movedim(1, 0).flatten(1).abs().amax(dim=1)
    if len(channels) < 2:
        return []
    largest = int(channels.argmax())
    others = float(torch.cat([channels[:largest], channels[largest + 1 :]]).median())
    if float(channels[largest]) < _LARGE_FEATURE * max(others, 1e-12):
        return []
    reach = float(channels[largest])
    return [
        f"feature {largest} of the input reaches {reach:g}, the others about {others:g}, and one int8 scale holds them "
        "all: set [data] mean and std, so that they are alike"
    ]


def _missed(what: str, predicted: int, linked: int) -> list[str]:
    off_bytes = abs(predicted - linked)
    if off_bytes <= min(_MISS_BYTES, _MISS_SHARE * linked):
        return []
    return [f"{what} was predicted as {predicted:,} B and is {linked:,} B: report it, the two should be one"]
