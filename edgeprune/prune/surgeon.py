"""Structured optimal brain surgeon: units leave one by one, those first whose loss the others can make good."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgeprune.prune.moments import Hearing

DAMPING = 1e-2  # of the mean variance, so that silent channels do not make the inverse infinite


def elimination(found: Sequence[Hearing], group: str, damping: float = DAMPING) -> tuple[list[int], list[float]]:
    """The order units leave in, and what each costs.

    The cost of a unit is how far the sums of the layers that hear it move, in mean square over positions and summed
    over outputs, when it goes and the units that stay are weighted anew as well as they can be. After each departure
    weights and costs are worked out again.

    Hassibi, Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon", NIPS 1992; for whole blocks
    of weights: Kurtic, Frantar, Alistarh, "ZipLM", NeurIPS 2023, arXiv:2302.04089.
    """
    parts = [_Part(hearing, hearing.blocks[group], damping) for hearing in found if group in hearing.blocks]
    staying = list(range(parts[0].numbers.shape[0]))
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
    """One layer's weights and the inverse of what it hears, as units leave."""

    def __init__(self, hearing: Hearing, numbers: Tensor, damping: float):
        self.numbers = numbers
        self.weight = hearing.weight.clone()
        ridge = hearing.covariance.diagonal().mean() * damping * torch.eye(len(hearing.covariance)).double()
        self.inverse = torch.linalg.inv(hearing.covariance + ridge)

    def costs(self, staying: Sequence[int]) -> Tensor:
        """(staying,): trace(W_u (inverse_uu)^-1 W_u^T)."""
        numbers = self.numbers[list(staying)]
        blocks = self.inverse[numbers[:, :, None], numbers[:, None, :]]
        weight = self.weight[:, numbers].transpose(0, 1)  # (units, outputs, numbers)
        lost: Tensor = weight @ torch.linalg.inv(blocks) * weight
        return lost.sum((1, 2))

    def remove(self, unit: int) -> None:
        gone = self.numbers[unit]
        columns = self.inverse[:, gone]
        solved = torch.linalg.solve(self.inverse[gone][:, gone], columns.T)
        self.weight -= self.weight[:, gone] @ solved
        self.inverse -= columns @ solved
        self.weight[:, gone] = 0.0
        self.inverse[gone, :] = 0.0
        self.inverse[:, gone] = 0.0
