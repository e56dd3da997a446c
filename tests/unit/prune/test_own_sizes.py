"""Sizes in attributes of the user's modules follow the channels they count, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.channels import ChannelGroups
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import apply_widths, thin, zeroed


class Recurrent(nn.Module):
    """States and reshapes of a size the module keeps, as tutorials write them."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_dim, self.layers = 12, 1
        self.lstm, self.fc = nn.LSTM(5, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        states = [torch.zeros(self.layers, x.size(0), self.hidden_dim) for _ in range(2)]
        outputs, _ = self.lstm(x, (states[0].detach(), states[1].detach()))
        return self.fc(outputs.contiguous().view(-1, self.hidden_dim)).view(x.size(0), -1, 3)[:, -1]  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.head_dim = 4, 6
        self.query, self.key, self.value = (nn.Linear(16, 24) for _ in range(3))
        self.out, self.classify = nn.Linear(24, 16), nn.Linear(16, 3)

    def scale(self) -> float:
        return 0.5

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        parts = [layer(x).view(n, t, self.num_heads, self.head_dim) for layer in (self.query, self.key, self.value)]
        q, k, v = (part.transpose(1, 2) for part in parts)
        mixed = (q @ k.transpose(-2, -1) * self.scale()).softmax(-1) @ v
        joined = mixed.transpose(1, 2).reshape(n, t, self.num_heads * self.head_dim)
        return self.classify(self.out(joined).mean(1))  # type: ignore[no-any-return]


class ByHeads(Attention):
    """Computes with one of its sizes, and the other counts two groups: queries with keys, and values."""

    def scale(self) -> float:
        return float(1 / self.num_heads)


class Normalized(Recurrent):
    """Its size is a number as well: nothing may follow."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / self.hidden_dim


def _groups(module: nn.Module, shape: tuple[int, ...]) -> ChannelGroups:
    return find_groups(trace(module, (1, *shape)))


ROWS: list[tuple[Callable[[], nn.Module], tuple[int, ...], set[str]]] = [
    (Recurrent, (4, 5), {"hidden_dim"}),
    (Attention, (7, 16), {"num_heads"}),
    (ByHeads, (7, 16), set()),
    (Normalized, (4, 5), set()),
]


@pytest.mark.parametrize(("build", "shape", "followed"), ROWS, ids=lambda each: getattr(each, "__name__", None))
def test_a_thinned_network_runs_as_the_zeroed_one(
    build: Callable[[], nn.Module], shape: tuple[int, ...], followed: set[str]
) -> None:
    torch.manual_seed(0)
    module, x = build().eval(), torch.randn(4, *shape)
    groups = _groups(module, shape)
    assert {name for _, name in groups.sizes} == followed
    keep = {name: range(1, size, 2) for name, size in groups.full_widths.items()}
    thinned = thin(module, groups, keep)
    torch.testing.assert_close(thinned(x), zeroed(module, groups, keep)(x))
    for (path, name), size in groups.sizes.items():
        assert getattr(thinned.get_submodule(path), name) == size.at({key: len(kept) for key, kept in keep.items()})
        assert getattr(module.get_submodule(path), name) == size.at(groups.full_widths)
    assert apply_widths(module, groups, dict.fromkeys(keep, 1))(x).shape == (4, 3)


def test_a_thinned_network_is_thinned_again() -> None:
    module, x = Recurrent().eval(), torch.randn(4, 4, 5)
    for width in (7, 3):
        groups = _groups(module, (4, 5))
        module = apply_widths(module, groups, dict.fromkeys(groups.full_widths, width))
        assert module(x).shape == (4, 3)
