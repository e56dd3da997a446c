"""Sensitivity analysis: per channel group the damage of keeping only some of its channels, measured once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.model.answers import Answer, parts_of
from edgeprune.prune.coupling.channels import ChannelGroup, ChannelGroups
from edgeprune.prune.surgery.thin import thin
from edgeprune.prune.widths.allocate import GroupChoice

Distance = Callable[[Answer, Answer], float]
MEASURED_SHARES = (0.875, 0.75, 0.5, 0.25, 0.125)
_MOST_WIDTHS = 64


def class_distance(outputs: Tensor, original: Tensor) -> float:
    """Mean Kullback-Leibler divergence of the outputs from the original's; logits (N, classes)."""
    return float(
        functional.kl_div(
            functional.log_softmax(outputs, 1),
            functional.log_softmax(original, 1),
            reduction="batchmean",
            log_target=True,
        )
    )


def value_distance(outputs: Answer, original: Answer) -> float:
    """Mean square distance from the original's outputs in units of their variance, the mean over several outputs."""
    pairs = list(zip(parts_of(outputs), parts_of(original), strict=True))
    return sum(float((own - was).square().mean() / was.var().clamp_min(1e-12)) for own, was in pairs) / len(pairs)


Recover = Callable[[nn.Module, Mapping[str, Sequence[int]]], None]
"""(thinned network, units kept of the groups that lost some): changes its weights in place."""


def not_at_all(thinned: nn.Module, keep: Mapping[str, Sequence[int]]) -> None:
    """Leaves it as it was thinned."""


@dataclass(frozen=True, eq=False)
class Probe:
    """How damage is measured.

    Attributes:
        samples: (N, ...) float32 inputs as the network reads them.
        distance: (outputs, original outputs) -> damage.
    """

    samples: Tensor
    distance: Distance


def possible_widths(group: ChannelGroup, multiple: int) -> tuple[int, ...]:
    """Channel counts a group may have: multiples the kernels are fast at, at most 64 of them, and its full width."""
    step = multiple * max(1, -(-group.size // (multiple * _MOST_WIDTHS)))
    return (*range(min(step, group.size), group.size, step), group.size)


def measure_damage_curves(
    module: nn.Module,
    groups: ChannelGroups,
    ranking: Mapping[str, Sequence[int]],
    multiple: int,
    probe: Probe,
    on_group: Callable[[str], None] = lambda name: None,
    only: Collection[str] | None = None,
    recover: Recover = not_at_all,
) -> tuple[GroupChoice, ...]:
    """Thins one group at a time to a few widths and measures how far the outputs move.

    Args:
        module: in evaluation mode.
        ranking: per group its units, the most important first.
        multiple: channel counts are multiples of it.
        on_group: called with each group's name when it is done.
        only: groups to measure; None is all.
        recover: what is done for a thinned network before it is measured, without training.

    Returns:
        One choice per group measured; damage between measured widths is interpolated smoothly and never falls as
        channels go.
    """
    with torch.no_grad():
        original = module(probe.samples)
        choices = []
        for group in groups.groups:
            if only is not None and group.name not in only:
                continue
            widths = possible_widths(group, multiple)
            measured = {group.size: 0.0}
            for share in MEASURED_SHARES:
                width = _nearest(widths, share * group.size)
                if width not in measured:
                    keep = {group.name: sorted(ranking[group.name][:width])}
                    thinned = thin(module, groups, keep)
                    recover(thinned, keep)
                    measured[width] = probe.distance(thinned(probe.samples), original)
            if widths[0] not in measured:
                measured[widths[0]] = max(measured.values()) * 2
            known = sorted(measured)
            roots = [max(measured[width], 0.0) ** 0.5 for width in known]
            damage = np.square(PchipInterpolator(known, roots)(widths)) if len(known) > 1 else np.zeros(len(widths))
            damage = np.maximum.accumulate(damage[::-1])[::-1]
            choices.append(GroupChoice(group.name, widths, tuple(float(d) for d in damage)))
            on_group(group.name)
    return tuple(choices)


def _nearest(widths: Sequence[int], wanted: float) -> int:
    return min(widths, key=lambda width: abs(width - wanted))
