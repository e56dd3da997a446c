"""What a group's channels are worth: the damage of keeping only some of them, measured once for all later choices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.prune.allocate import GroupChoice
from edgeprune.prune.channels import ChannelGroup, ChannelGroups
from edgeprune.prune.surgery import thin

Distance = Callable[[Tensor, Tensor], float]
Recover = Callable[[nn.Module, Mapping[str, Sequence[int]]], None]
MEASURED_SHARES = (0.875, 0.75, 0.5, 0.25, 0.125)
_MOST_WIDTHS = 64


def class_distance(outputs: Tensor, original: Tensor) -> float:
    """Mean Kullback-Leibler divergence of the answers from the original's; logits (N, classes)."""
    return float(
        functional.kl_div(
            functional.log_softmax(outputs, 1),
            functional.log_softmax(original, 1),
            reduction="batchmean",
            log_target=True,
        )
    )


def value_distance(outputs: Tensor, original: Tensor) -> float:
    """Mean square distance from the original's outputs in units of their variance."""
    return float((outputs - original).square().mean() / original.var().clamp_min(1e-12))


def possible_widths(group: ChannelGroup, multiple: int) -> tuple[int, ...]:
    """Channel counts a group may have: multiples the kernels like, at most 64 of them, and its full width."""
    step = multiple * max(1, -(-group.size // (multiple * _MOST_WIDTHS)))
    return (*range(min(step, group.size), group.size, step), group.size)


def measure_sensitivity(
    module: nn.Module,
    groups: ChannelGroups,
    ranking: Mapping[str, Sequence[int]],
    multiple: int,
    samples: Tensor,
    distance: Distance,
    on_group: Callable[[str], None] = lambda name: None,
    shares: Sequence[float] = MEASURED_SHARES,
    recover: Recover | None = None,
    only: Collection[str] | None = None,
) -> tuple[GroupChoice, ...]:
    """Thins one group at a time to a few widths and measures how far the outputs move.

    Args:
        module: in evaluation mode.
        ranking: per group its units, the most important first.
        multiple: channel counts are multiples of it.
        samples: (N, ...) float32 inputs as the network sees them.
        distance: (outputs, original outputs) -> damage.
        on_group: told each group's name when it is done.
        shares: of a group's width that are measured.
        only: groups to measure; None is all.
        recover: puts right in a thinned copy what least squares can; None leaves it as `thin` does.

    Returns:
        One choice per group measured; damage between measured widths is interpolated smoothly and never falls as
        channels go.
    """
    with torch.no_grad():
        original = module(samples)
        choices = []
        for group in groups.groups:
            if only is not None and group.name not in only:
                continue
            widths = possible_widths(group, multiple)
            measured = {group.size: 0.0}
            for share in shares:
                width = _nearest(widths, share * group.size)
                if width not in measured:
                    kept = sorted(ranking[group.name][:width])
                    thinned = thin(module, groups, {group.name: kept})
                    if recover is not None:
                        recover(thinned, {group.name: kept})
                    measured[width] = distance(thinned(samples), original)
            if widths[0] not in measured:
                measured[widths[0]] = max(measured.values()) * 2
            known = sorted(measured)
            roots = [max(measured[width], 0.0) ** 0.5 for width in known]
            damage = np.square(PchipInterpolator(known, roots)(widths)) if len(known) > 1 else np.zeros(len(widths))
            damage = np.maximum.accumulate(damage[::-1])[::-1]
            choices.append(GroupChoice(group.name, widths, tuple(float(d) for d in damage)))
            on_group(group.name)
    return tuple(choices)


def _nearest(widths: Sequence[int], wished: float) -> int:
    return min(widths, key=lambda width: abs(width - wished))
