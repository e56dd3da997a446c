"""Samples that are all one and the same: ranges, statistics and scores of theirs say nothing of any other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from edgeprune.errors import DataError
from edgeprune.train.metrics import METRICS, Scored
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import Splits

_SAMPLES = 4
_COMPARED_AT_ONCE = 1024


def constant_inputs(splits: Splits) -> list[str]:
    """A sentence for each split whose inputs are all the same; none where samples differ."""
    return _sentences((f"inputs of '{name}'", getattr(splits, name).inputs) for name in ("train", "calibration"))


def constant_targets(module: nn.Module, splits: Splits, objective: Objective) -> list[str]:
    """As `constant_inputs`, of targets. Those that neither loss nor metric looks at may be anything."""
    if not _looks_at_targets(module, splits, objective):
        return []
    return _sentences((f"targets of '{name}'", getattr(splits, name).targets) for name in ("train", "test"))


def refuse_constant(sentences: Sequence[str]) -> None:
    """Raises DataError, of the first. Inputs that are all the same quantize to ranges that fold channels away, so even
    the sizes would be others."""
    for sentence in sentences:
        raise DataError(
            sentence,
            hint="look at what loads the data; where only sizes are asked for, random inputs and labels do for "
            "`fit --epochs 0`, and any for `inspect`",
        )


def _sentences(looked_at: Iterable[tuple[str, Tensor]]) -> list[str]:
    return [sentence for what, values in looked_at if (sentence := _sentence(what, values)) is not None]


def _sentence(what: str, values: Tensor) -> str | None:
    first = values[:1]
    starts = range(0, len(values), _COMPARED_AT_ONCE)
    if len(values) < 2 or not all(bool((values[at : at + _COMPARED_AT_ONCE] == first).all()) for at in starts):
        return None
    value = first.flatten()[0]
    throughout = f", {float(value):g} throughout" if bool((first == value).all()) else ""
    return (
        f"all {len(values):,} {what} are the same{throughout}: no network learns from them and no figure of theirs "
        "would hold for others"
    )


def _looks_at_targets(module: nn.Module, splits: Splits, objective: Objective) -> bool:
    """Whether loss or metric depends on the targets' values: ours do, the user's own are tried."""
    if objective.loss_name in LOSSES or objective.metric.name in METRICS:
        return True
    few = splits.train.take(_SAMPLES)
    with torch.no_grad():
        outputs = module.eval()(few.tensor())
    others = [few.targets + 1, torch.zeros_like(few.targets)]
    if few.targets.is_floating_point():
        others.append(torch.randn(few.targets.shape, generator=torch.Generator().manual_seed(0)))
    return any(
        _depends(function, outputs, few.targets, other)
        for function in (objective.loss, objective.metric.score)
        for other in others
    )


def _depends(function: Scored, outputs: object, targets: Tensor, other: Tensor) -> bool:
    """Whether other targets give another value, or are refused; a function that draws at random is not known."""
    with torch.no_grad():
        value, again = (float(function(outputs, targets)) for _ in range(2))
        try:
            changed = float(function(outputs, other))
        except Exception:  # whatever the user's function raises at targets it looks at
            return True
    return value == again != changed
