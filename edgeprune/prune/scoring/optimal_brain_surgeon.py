"""Structured optimal brain surgeon: units leave one by one, those first whose loss the others compensate best."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.prune.scoring.moments import InputMoments

DAMPING = 1e-2  # of the mean variance, so that constant channels do not make the inverse infinite


def elimination(moments: Sequence[InputMoments], group: str, damping: float = DAMPING) -> tuple[list[int], list[float]]:
    """The order units leave in, and what each costs.

    The cost of a unit is how far the sums of the layers that read it move, in mean square over positions and summed
    over outputs, when it goes and the weights of the units that stay are re-solved. After each removal weights and
    costs are computed again.

    Hassibi, Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992; for whole blocks
    of weights: Kurtic, Frantar, Alistarh, "ZipLM", NeurIPS 2023, arXiv:2302.04089.
    """
    parts = [_Part(layer, layer.blocks[group], damping) for layer in moments if group in layer.blocks]
    staying = list(range(parts[0].features.shape[0]))
    order: list[int] = []
    costs: list[float] = []
    while staying:
        cost = sum(part.costs(staying) for part in parts)
        assert isinstance(cost, Tensor)
        place = int(cost.argmin())
        unit = staying.pop(place)
        for part in parts:
            part.remove(unit)
        order.append(unit)
        costs.append(float(cost[place]))
    return order, costs


class _Part:
    """One layer's weights and the inverse covariance of its inputs, as units are removed."""

    def __init__(self, layer: InputMoments, features: Tensor, damping: float):
        self.features = features
        self.weight = layer.weight.clone()
        ridge = layer.covariance.diagonal().mean() * damping * torch.eye(len(layer.covariance)).double()
        self.inverse = torch.linalg.inv(layer.covariance + ridge)

    def costs(self, staying: Sequence[int]) -> Tensor:
        """(staying,): trace(W_u (inverse_uu)^-1 W_u^T)."""
        features = self.features[list(staying)]
        blocks = self.inverse[features[:, :, None], features[:, None, :]]
        weight = self.weight[:, features].transpose(0, 1)  # (units, outputs, features)
        lost: Tensor = weight @ torch.linalg.inv(blocks) * weight
        return lost.sum((1, 2))

    def remove(self, unit: int) -> None:
        gone = self.features[unit]
        columns = self.inverse[:, gone]
        solved = torch.linalg.solve(self.inverse[gone][:, gone], columns.T)
        self.weight -= self.weight[:, gone] @ solved
        self.inverse -= columns @ solved
        self.weight[:, gone] = 0.0
        self.inverse[gone, :] = 0.0
        self.inverse[:, gone] = 0.0
