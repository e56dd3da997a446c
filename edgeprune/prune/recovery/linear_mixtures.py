"""Reduce and Reuse: removed channels rebuilt from the others, by a 1x1 convolution folded into the layers behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from edgeprune.model.twin import twin
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.scoring.calibration_statistics import CalibrationData, activations
from edgeprune.prune.scoring.layers import plain_layers
from edgeprune.prune.scoring.moments import input_moments
from edgeprune.prune.surgery.keep import kept
from edgeprune.prune.surgery.thin import thin

_RIDGE = 1e-6  # of the mean variance


def thin_with_mixtures(
    module: nn.Module, groups: ChannelGroups, keep: Mapping[str, Sequence[int]], batches: Iterable[Tensor]
) -> nn.Module:
    """`thin`, the layers behind each group first made to read a removed channel as a mixture of those that stay.

    The mixture is the least-squares one over samples and positions; the mean of each layer's sums is kept. Costs
    nothing on the device: layers keep the shape `thin` gives them. Transposed and sectioned convolutions, and units
    that hold several positions of a vector, are only thinned.

    Polyak, Wolf, "Channel-Level Acceleration of Deep Face Representations", IEEE Access 2015,
    doi:10.1109/ACCESS.2015.2494536.

    Args:
        module, groups, keep: as for `thin`.
        batches: inputs (B, ...), never of validation or test.

    Raises:
        UsageError, ModelError: as `thin`.
        DataError: no batches.
    """
    inputs = list(batches)
    without_loss = CalibrationData(
        lambda: [(batch, batch) for batch in inputs], lambda _outputs, _targets: torch.zeros(())
    )
    maps = activations(module, groups, without_loss, with_gradients=False).values
    moments = {layer.layer: layer for layer in input_moments(module, groups, inputs)}
    shifts: dict[str, Tensor] = {}
    copy = twin(module, lambda tensor: tensor.clone())
    for layer in plain_layers(copy, groups.traced):
        units = groups.units_in(layer.op.inputs[0])
        if layer.groups != 1 or any(indices.shape[1] > 1 for indices in units.values()):
            continue
        before = layer.weight_rows().clone()
        taps = before.shape[1] // layer.module.weight.shape[1]
        weight = before.reshape(len(before), -1, taps).clone()
        for name, indices in units.items():
            staying = sorted(keep.get(name, range(len(indices))))
            gone = sorted(set(range(len(indices))) - set(staying))
            if gone:
                places = torch.from_numpy(indices).long()[:, 0]
                mixture = mixtures(maps[name].flatten(1), staying, gone)
                weight[:, places[staying]] += torch.einsum("ogt,gs->ost", weight[:, places[gone]], mixture)
                weight[:, places[gone]] = 0.0
        with torch.no_grad():
            layer.module.weight.copy_(weight.reshape(layer.module.weight.shape))
        if layer.op.name in moments:
            lost = (before - weight.flatten(1)).double() @ moments[layer.op.name].mean
            shifts[layer.op.name] = (lost * layer.affine()[0]).float()
    thinned, flags = thin(copy, groups, keep), kept(groups, keep)
    for layer in plain_layers(thinned, groups.traced):
        if layer.op.name in shifts:
            made = groups.activations.get(layer.op.outputs[0])
            stays = slice(None) if made is None else torch.from_numpy(flags.along(made[1]))
            layer.add_to_shift(shifts[layer.op.name][stays])
    return thinned


def mixtures(maps: Tensor, staying: Sequence[int], gone: Sequence[int]) -> Tensor:
    """(gone, staying) weights: how much of each channel that stays is in one that goes.

    maps: (channels, samples): deviations from the mean are what is mixed.
    """
    centred = (maps - maps.mean(1, keepdim=True)).double()
    covariance = centred @ centred.T / maps.shape[1]
    within = covariance[list(staying)][:, list(staying)]
    ridge = float(within.diagonal().mean()) * _RIDGE + 1e-12
    across = covariance[list(gone)][:, list(staying)]
    solved: Tensor = torch.linalg.solve(within + ridge * torch.eye(len(staying)).double(), across.T)
    return solved.T.float()
