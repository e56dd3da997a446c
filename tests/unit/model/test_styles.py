"""Networks in the styles of papers' code: traced, predicted, thinned and exported alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from tests.checked_module import check_module


class Rotary(nn.Module):
    """Two heads of queries over one of keys and values, turned by their places."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.kv, self.out = nn.Linear(6, 16), nn.Linear(6, 16), nn.Linear(16, 3)
        angles = torch.outer(torch.arange(5.0), torch.tensor([1.0, 0.3, 0.1, 0.03])).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def turned(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return x * self.cos + torch.cat((-second, first), -1) * self.sin

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        q = self.turned(self.q(x).view(batch, steps, 2, 8).transpose(1, 2))
        k, v = (part.unsqueeze(1) for part in self.kv(x).chunk(2, -1))
        weights = (q @ self.turned(k).transpose(-2, -1) * 8**-0.5).softmax(-1)
        return self.out((weights @ v.expand(-1, 2, -1, -1)).transpose(1, 2).reshape(batch, steps, 16))  # type: ignore[no-any-return]


class FirstState(nn.Module):
    """A gated recurrence whose first state is zeros made in forward()."""

    def __init__(self) -> None:
        super().__init__()
        self.gates, self.out = nn.Linear(6, 16), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        new, gate = self.gates(x).chunk(2, -1)
        state, gate = x.new_zeros(x.shape[0], 8), gate.sigmoid()
        for step in range(x.shape[1]):
            state = gate[:, step] * state + (1 - gate[:, step]) * new[:, step].tanh()
        return self.out(state)  # type: ignore[no-any-return]


class Attentive(nn.Module):
    """Steps weighed by their product with a vector that is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.vector, self.out = nn.Linear(6, 8), nn.Parameter(torch.randn(8)), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x).tanh()
        weights = functional.softmax(steps.matmul(self.vector), dim=1)
        return self.out((steps * weights.unsqueeze(-1)).sum(1))  # type: ignore[no-any-return]


class CutLikeAnother(nn.Module):
    """As GhostNet cuts: as many channels of one tensor as another one has, which are all."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.narrow, self.cheap = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3, 1, 1, groups=4)
        self.pairs, self.out = nn.Conv2d(4, 4, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        half = self.narrow(x).relu()
        both = torch.cat((half, self.cheap(half)), 1)[:, : x.shape[1]]
        both = torch.cat((both[:, ::2], self.pairs(both[:, 1::2])), 1)
        return self.out(both.mean((2, 3)))  # type: ignore[no-any-return]


STEPS, IMAGE = (1, 5, 6), (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("network", "shape"), [(Rotary, STEPS), (FirstState, STEPS), (Attentive, STEPS), (CutLikeAnother, IMAGE)]
)
def test_it_runs_as_torch_and_as_predicted(network: type[nn.Module], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    checked = check_module(network().eval(), shape)
    assert checked.sqnr_db > 30


def test_channels_that_another_tensors_size_cuts_stay() -> None:
    torch.manual_seed(0)
    groups = find_groups(trace(CutLikeAnother().eval(), IMAGE))
    assert "first" not in groups.full_widths
    (frozen,) = [one for one in groups.frozen if one.layer == "first"]
    assert frozen.reason.startswith("forward() fails with fewer of them, at ")
