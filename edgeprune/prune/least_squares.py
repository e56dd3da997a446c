"""Weights of layers whose outputs are added, by least squares, counting only what passes the activation behind them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.ir import Activation
from edgeprune.prune.layers import Layer

_RIDGE = 1e-4  # of the mean square of the inputs
_RELU_ROUNDS = 6
_LEAST_SCALE = 1e-6  # of a batch norm: a channel it silences cannot be reached through its weights


def fit_layers(
    layers: Sequence[Layer], features: Sequence[Tensor], wished: Tensor, beside: Tensor, activation: Activation
) -> None:
    """Puts the least-squares weights and shift into the layers, whose outputs are added; in place.

    features: per layer (groups, rows, numbers); wished: (rows, outputs) without what lies beside.
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

    def solved(target: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (groups, numbers, outputs a group), pulled towards the present ones, and shift (groups, outputs)."""
        aims = target.reshape(len(target), sections, -1).transpose(0, 1)
        moments = (rows.transpose(1, 2) @ (aims - aims.mean(1, keepdim=True))).double() + ridge * start
        weights = torch.cholesky_solve(moments, factor).float()
        return weights, aims.mean(1) - (mean @ weights)[:, 0]

    weights, shift = solved(wished)
    for _ in range(_RELU_ROUNDS if activation is not Activation.NONE else 0):
        answer = (rows @ weights + (mean @ weights + shift[:, None])).transpose(0, 1).flatten(1)
        weights, shift = solved(_free(wished, answer, beside, activation))
    _write(layers, weights, shift.flatten())


def _free(wished: Tensor, answer: Tensor, beside: Tensor, activation: Activation) -> Tensor:
    """Targets moved to the present answer where the activation would hide the difference."""
    low = -1.0 if activation is Activation.RELU_N1_TO_1 else 0.0
    total = wished + beside
    freed = torch.where(total <= low, torch.minimum(answer, low - beside), wished)
    if activation in (Activation.RELU6, Activation.RELU_N1_TO_1):
        high = 6.0 if activation is Activation.RELU6 else 1.0
        freed = torch.where(total >= high, torch.maximum(answer, high - beside), freed)
    return freed


def _present(layers: Sequence[Layer], sections: int) -> Tensor:
    """(groups, numbers, outputs a group): the layers' weights as they act."""
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
        numbers = layer.weight_rows().shape[1]
        scale, own = layer.affine()
        rows = weights[:, begin : begin + numbers].transpose(1, 2).flatten(0, 1)
        usable = scale.abs() > _LEAST_SCALE
        safe = torch.where(usable, scale, torch.ones(()))
        weight = torch.where(usable[:, None], rows / safe[:, None], layer.weight_rows())
        with torch.no_grad():
            layer.module.weight.copy_(weight.reshape(layer.module.weight.shape))
        begin, present = begin + numbers, present + own
    layers[0].add_to_shift(shift - present)
