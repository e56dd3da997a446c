"""Weights of layers whose outputs are added, by least squares, up to what the activation behind them hides."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.ir import Activation
from edgeprune.prune.scoring.layers import Layer

_RIDGE = 1e-4  # of the mean square of the inputs
_RELU_ROUNDS = 6
_LEAST_SCALE = 1e-6  # of a batch norm: a channel it scales to zero cannot be reached through its weights


def fit_layers(
    layers: Sequence[Layer], features: Sequence[Tensor], target: Tensor, beside: Tensor, activation: Activation
) -> None:
    """Puts the least-squares weights and shift into the layers, whose outputs are added; in place.

    features: per layer (groups, rows, features); target: (rows, outputs) of their sum; beside: (rows, outputs) added to
        it.
    """
    sections = layers[0].groups
    rows = torch.cat(list(features), 2)
    mean = rows.mean(1, keepdim=True)
    rows -= mean
    grams = (rows.transpose(1, 2) @ rows).double()
    ridge = (grams.diagonal(dim1=1, dim2=2).mean(1) * _RIDGE + 1e-12)[:, None, None]
    factor, faults = torch.linalg.cholesky_ex(grams + ridge * torch.eye(rows.shape[2]).double())
    if bool(faults.any()):  # inputs that differ by rounding alone: the layer stays as it is
        return
    start = _present(layers, sections)

    def solved(aim: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (groups, features, outputs a group), pulled towards the present ones, and shift (groups, outputs)."""
        aims = aim.reshape(len(aim), sections, -1).transpose(0, 1)
        moments = (rows.transpose(1, 2) @ (aims - aims.mean(1, keepdim=True))).double() + ridge * start
        weights = torch.cholesky_solve(moments, factor).float()
        return weights, aims.mean(1) - (mean @ weights)[:, 0]

    weights, shift = solved(target)
    for _ in range(_RELU_ROUNDS if activation is not Activation.NONE else 0):
        present = (rows @ weights + (mean @ weights + shift[:, None])).transpose(0, 1).flatten(1)
        weights, shift = solved(_free(target, present, beside, activation))
    _write(layers, weights, shift.flatten())


def _free(target: Tensor, present: Tensor, beside: Tensor, activation: Activation) -> Tensor:
    """Targets moved to the present output where the activation would hide the difference."""
    low = -1.0 if activation is Activation.RELU_N1_TO_1 else 0.0
    total = target + beside
    freed = torch.where(total <= low, torch.minimum(present, low - beside), target)
    if activation in (Activation.RELU6, Activation.RELU_N1_TO_1):
        high = 6.0 if activation is Activation.RELU6 else 1.0
        freed = torch.where(total >= high, torch.maximum(present, high - beside), freed)
    return freed


def _present(layers: Sequence[Layer], sections: int) -> Tensor:
    """(groups, features, outputs a group): the layers' weights, batch norm folded in."""
    parts = []
    for layer in layers:
        scale, _ = layer.affine()
        acting = layer.weight_rows() * scale[:, None]
        parts.append(acting.reshape(sections, -1, acting.shape[1]).transpose(1, 2))
    return torch.cat(parts, 1).double()


def _write(layers: Sequence[Layer], weights: Tensor, shift: Tensor) -> None:
    begin = 0
    present = torch.zeros_like(shift)
    for layer in layers:
        features = layer.weight_rows().shape[1]
        scale, own = layer.affine()
        rows = weights[:, begin : begin + features].transpose(1, 2).flatten(0, 1)
        usable = scale.abs() > _LEAST_SCALE
        safe = torch.where(usable, scale, torch.ones(()))
        weight = torch.where(usable[:, None], rows / safe[:, None], layer.weight_rows())
        with torch.no_grad():
            layer.module.weight.copy_(weight.reshape(layer.module.weight.shape))
        begin, present = begin + features, present + own
    layers[0].add_to_shift(shift - present)
