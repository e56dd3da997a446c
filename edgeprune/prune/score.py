"""Scores of all channels under one criterion, and the units the best scores keep."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.prune.channels import ChannelGroup, ChannelGroups, Role
from edgeprune.prune.criterion import ChannelRows, Criterion, Need, Part, Procedure, find_criterion
from edgeprune.prune.curvature import curvature
from edgeprune.prune.evidence import Evidence, Loss, activations, gradients
from edgeprune.prune.moments import contributions, hearings

_ROLES: Mapping[Part, frozenset[Role]] = {
    Part.FILTERS: frozenset({Role.MAKES}),
    Part.LISTENERS: frozenset({Role.HEARS}),
    Part.NORM: frozenset({Role.NORM_SCALE}),
    Part.ALL: frozenset(Role) - {Role.STATISTIC},
}
_BATCH = 64
_MAKERS = frozenset({Role.MAKES, Role.BIAS, Role.NORM_SCALE, Role.NORM_SHIFT})


def score(
    module: nn.Module, groups: ChannelGroups, criterion: str | Criterion | Procedure, evidence: Evidence | None = None
) -> dict[str, Tensor]:
    """One score per unit of every group; the lowest goes first.

    Args:
        module: the module the groups were found in; not changed.
        groups: its channel groups.
        criterion: a name or a criterion.
        evidence: samples and loss, where the criterion needs them.

    Returns:
        group -> (units,) float32. Comparable inside a group; across groups see `normalized`.

    Raises:
        UsageError: an unknown criterion, or one that needs samples and got none.
        DataError: no batches, or a loss that is no number.
        ModelError: a group the criterion cannot judge, or a score that is no number.
    """
    chosen = find_criterion(criterion) if isinstance(criterion, str) else criterion
    if chosen.needs != {Need.WEIGHTS} and evidence is None:
        missing = ", ".join(sorted(chosen.needs - {Need.WEIGHTS}))
        raise UsageError(f"criterion '{chosen.name}' needs samples for its {missing}")
    if isinstance(chosen, Procedure):
        assert evidence is not None
        found = chosen.judge(module, groups, evidence)
    else:
        tables = _tables(module, groups, chosen, evidence)
        found = {group.name: chosen.score(ChannelRows(group.name, tables[group.name])) for group in groups.groups}
    scores = {group.name: found[group.name].detach().float().cpu() for group in groups.groups}
    for name, values in scores.items():
        if not torch.isfinite(values).all():
            raise ModelError(f"{chosen.name} gives {name} a score that is no number", "look for NaN in its weights")
    return scores


def normalized(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each group's scores over their mean, so that groups of different layers can be compared."""
    return {name: group / group.mean().clamp_min(torch.finfo(group.dtype).tiny) for name, group in scores.items()}


def best_units(scores: Mapping[str, Tensor], widths: Mapping[str, int]) -> dict[str, list[int]]:
    """The units to keep so that each group has its width: those with the highest scores, the first of equals."""
    return {
        name: sorted(torch.argsort(scores[name], descending=True, stable=True)[:width].tolist())
        for name, width in widths.items()
    }


def rank_channels(
    module: nn.Module,
    groups: ChannelGroups,
    criterion: str,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
) -> dict[str, list[int]]:
    """Per group its units, the most important first.

    Args:
        inputs, targets, loss: for criteria that look at data: (N, ...) as the network sees them, never of validation
            or test, and the task's loss of (outputs, targets).

    Raises:
        As `score`.
    """
    batches = list(zip(torch.split(inputs, _BATCH), torch.split(targets, _BATCH), strict=True))
    scores = score(module, groups, criterion, Evidence(lambda: batches, loss))
    return {name: torch.argsort(found, descending=True, stable=True).tolist() for name, found in scores.items()}


def _tables(
    module: nn.Module, groups: ChannelGroups, criterion: Criterion, evidence: Evidence | None
) -> dict[str, dict[Need, Tensor]]:
    """Per group the rows the criterion asked for."""
    needs = criterion.needs
    sources: dict[Need, Mapping[str, Tensor]] = {
        Need.WEIGHTS: {name: parameter.detach() for name, parameter in module.named_parameters()}
    }
    tables: dict[str, dict[Need, Tensor]] = {group.name: {} for group in groups.groups}
    if evidence is not None:
        if needs & {Need.GRADIENTS, Need.SQUARED_GRADIENTS}:
            found = gradients(module, evidence)
            sources |= {Need.GRADIENTS: found.mean, Need.SQUARED_GRADIENTS: found.squared}
        if Need.CURVATURE in needs:
            sources[Need.CURVATURE] = curvature(module, evidence)
        if needs & {Need.ACTIVATIONS, Need.ACTIVATION_GRADIENTS}:
            heard = activations(module, groups, evidence, Need.ACTIVATION_GRADIENTS in needs)
            _put(tables, Need.ACTIVATIONS, heard.activations)
            _put(tables, Need.ACTIVATION_GRADIENTS, heard.gradients)
        if Need.SHAKEN_ACTIVATIONS in needs:
            _put(tables, Need.SHAKEN_ACTIVATIONS, activations(module, groups, evidence.shaken(), False).activations)
        if Need.CONTRIBUTIONS in needs:
            moments = hearings(module, groups, (inputs for inputs, _ in evidence.batches()))
            _put(tables, Need.CONTRIBUTIONS, {name: contributions(moments, name) for name in tables})
    for group in groups.groups:
        for need, values in sources.items():
            if need in criterion.needs:
                tables[group.name][need] = _rows(group, criterion, values)
    return tables


def _put(tables: dict[str, dict[Need, Tensor]], need: Need, found: Mapping[str, Tensor]) -> None:
    for name, values in found.items():
        tables[name][need] = values


def _rows(group: ChannelGroup, criterion: Criterion, values: Mapping[str, Tensor]) -> Tensor:
    """(units, numbers per unit): the criterion's part of the coupled slices, side by side."""
    roles = _ROLES[criterion.part]
    if criterion.part is Part.LISTENERS and not any(piece.role is Role.HEARS for piece in group.slices):
        roles = _MAKERS  # channels nobody reads are the network's outputs
    pieces = [piece for piece in group.slices if piece.role in roles]
    if not pieces:
        raise ModelError(
            f"criterion '{criterion.name}' looks at the {criterion.part} of channels, and {group.name} has none",
            hint="choose another criterion, l2 for example",
        )
    rows = [
        values[piece.parameter].movedim(piece.axis, 0)[torch.from_numpy(piece.indices.ravel()).long()]
        for piece in pieces
    ]
    return torch.cat([part.reshape(group.size, -1).float().cpu() for part in rows], 1)
