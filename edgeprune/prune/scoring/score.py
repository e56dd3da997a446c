"""Scores of all channels under one criterion, and the units the best scores keep."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError, UsageError
from edgeprune.prune.coupling.channels import ChannelGroup, ChannelGroups, Role
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, Loss, activations, gradients
from edgeprune.prune.scoring.criterion import CRITERIA, ChannelRows, Criterion, Need, Part, Procedure
from edgeprune.prune.scoring.curvature import curvature
from edgeprune.prune.scoring.moments import contributions, input_moments

_ROLES: Mapping[Part, frozenset[Role]] = {
    Part.FILTERS: frozenset({Role.MAKES}),
    Part.READERS: frozenset({Role.READS}),
    Part.NORM: frozenset({Role.NORM_SCALE}),
    Part.ALL: frozenset(Role) - {Role.STATISTIC},
}
_BATCH = 64
_MAKERS = frozenset({Role.MAKES, Role.BIAS, Role.NORM_SCALE, Role.NORM_SHIFT})


def score(
    module: nn.Module,
    groups: ChannelGroups,
    criterion: str | Criterion | Procedure,
    calibration: CalibrationData | None = None,
) -> dict[str, Tensor]:
    """One score per unit of every group; the lowest goes first.

    Args:
        module: the module the groups were found in; not changed.
        groups: its channel groups.
        criterion: a name or a criterion.
        calibration: samples and loss, where the criterion needs them.

    Returns:
        group -> (units,) float32. Comparable inside a group; across groups see `normalized`.

    Raises:
        UsageError: an unknown criterion, or one that needs samples and got none.
        DataError: no batches, or a loss that is not finite.
        ModelError: a group the criterion cannot score, or a score that is not finite.
    """
    chosen = CRITERIA.find(criterion) if isinstance(criterion, str) else criterion
    if not groups.groups:
        return {}
    if chosen.needs != {Need.WEIGHTS} and calibration is None:
        missing = ", ".join(sorted(chosen.needs - {Need.WEIGHTS}))
        raise UsageError(f"criterion '{chosen.name}' needs samples for its {missing}")
    if isinstance(chosen, Procedure):
        assert calibration is not None
        raw = chosen.judge(module, groups, calibration)
    else:
        tables = _tables(module, groups, chosen, calibration)
        raw = {group.name: chosen.score(ChannelRows(group.name, tables[group.name])) for group in groups.groups}
    scores = {group.name: raw[group.name].detach().float().cpu() for group in groups.groups}
    for name, values in scores.items():
        if not torch.isfinite(values).all():
            raise ModelError(f"{chosen.name} gives {name} a score that is not finite", "look for NaN in its weights")
    return scores


def normalized(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each group's scores over their mean, so that groups of different layers can be compared."""
    return {name: group / group.mean().clamp_min(torch.finfo(group.dtype).tiny) for name, group in scores.items()}


def rank_channels(
    module: nn.Module,
    groups: ChannelGroups,
    criterion: str,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss,
) -> dict[str, list[int]]:
    """Per group its units, the most important first; equals in their own order.

    Args:
        inputs, targets, loss: for criteria that need data: (N, ...) as the network reads them, never of validation
            or test, and the task's loss of (outputs, targets).

    Raises:
        As `score`.
    """
    batches = list(zip(torch.split(inputs, _BATCH), torch.split(targets, _BATCH), strict=True))
    scores = score(module, groups, criterion, CalibrationData(lambda: batches, loss))
    return {name: torch.argsort(values, descending=True, stable=True).tolist() for name, values in scores.items()}


def _tables(
    module: nn.Module, groups: ChannelGroups, criterion: Criterion, calibration: CalibrationData | None
) -> dict[str, dict[Need, Tensor]]:
    """Per group the rows the criterion needs."""
    needs = criterion.needs
    sources: dict[Need, Mapping[str, Tensor]] = {
        Need.WEIGHTS: {name: parameter.detach() for name, parameter in module.named_parameters()}
    }
    tables: dict[str, dict[Need, Tensor]] = {group.name: {} for group in groups.groups}
    if calibration is not None:
        if needs & {Need.GRADIENTS, Need.SQUARED_GRADIENTS}:
            by_weights = gradients(module, calibration)
            sources |= {Need.GRADIENTS: by_weights.mean, Need.SQUARED_GRADIENTS: by_weights.squared}
        if Need.CURVATURE in needs:
            sources[Need.CURVATURE] = curvature(module, calibration)
        if needs & {Need.ACTIVATIONS, Need.ACTIVATION_GRADIENTS}:
            inputs_of_readers = activations(module, groups, calibration, Need.ACTIVATION_GRADIENTS in needs)
            _put(tables, Need.ACTIVATIONS, inputs_of_readers.values)
            _put(tables, Need.ACTIVATION_GRADIENTS, inputs_of_readers.gradients)
        if Need.PERTURBED_ACTIVATIONS in needs:
            perturbed = activations(module, groups, calibration.perturbed(), False)
            _put(tables, Need.PERTURBED_ACTIVATIONS, perturbed.values)
        if Need.CONTRIBUTIONS in needs:
            moments = input_moments(module, groups, (inputs for inputs, _ in calibration.batches()))
            _put(tables, Need.CONTRIBUTIONS, {name: contributions(moments, name) for name in tables})
    for group in groups.groups:
        for need, values in sources.items():
            if need in criterion.needs:
                tables[group.name][need] = _rows(group, criterion, values)
    return tables


def _put(tables: dict[str, dict[Need, Tensor]], need: Need, by_group: Mapping[str, Tensor]) -> None:
    for name, values in by_group.items():
        tables[name][need] = values


def _rows(group: ChannelGroup, criterion: Criterion, values: Mapping[str, Tensor]) -> Tensor:
    """(units, values per unit): the criterion's part of the coupled slices, side by side."""
    roles = _ROLES[criterion.part]
    if criterion.part is Part.READERS and not any(piece.role is Role.READS for piece in group.slices):
        roles = _MAKERS  # channels no layer reads are the network's outputs
    if criterion.part is Part.FILTERS and not any(piece.role is Role.MAKES for piece in group.slices):
        roles = _MAKERS | {Role.OTHER}  # of a parameter that forward() joins or adds
    pieces = [piece for piece in group.slices if piece.role in roles]
    if not pieces:
        raise ModelError(
            f"criterion '{criterion.name}' reads the {criterion.part} of channels, and {group.name} has none",
            hint="choose another criterion: group-norm reads all that goes with a channel",
        )
    pieces = [piece for piece in pieces if piece.parameter in values]  # nobody learns a filter that a buffer holds
    if not pieces:
        return torch.zeros(group.size, 1)
    rows = [
        values[piece.parameter].movedim(piece.axis, 0)[torch.from_numpy(piece.indices.ravel()).long()]
        for piece in pieces
    ]
    return torch.cat([part.reshape(group.size, -1).float().cpu() for part in rows], 1)
