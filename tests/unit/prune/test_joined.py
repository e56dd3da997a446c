"""Tensors joined along an axis that holds no channels, or along the channels, and columns of tables."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeprune.model.inputs import with_whole_numbers
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin, zeroed


class Joined(nn.Module):
    """Two layers side by side, and what is joined before the last."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.a, self.b = nn.Conv2d(4, 6, 1), nn.Conv2d(4, 6, 1)
        self.last = nn.Conv2d(12 if how == "channels" else 6, 3, 1)
        self.of_four = nn.Conv2d(4, 3, 1)
        self.row = nn.Parameter(torch.randn(1, 6, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        a, b = torch.relu(self.a(x)), torch.relu(self.b(x))
        if self.how == "channels":
            joined = torch.cat([a, b], 1)
        elif self.how == "rows":
            joined = torch.cat([a, b, a], 2)
        elif self.how == "a learned row":
            joined = torch.cat([a, self.row.expand(len(x), -1, -1, -1), b], 2)
        elif self.how == "the input beside it":
            joined = torch.cat([a, self.fixed(x)], 3)
        else:  # two inputs, whose channels never go
            return self.of_four(torch.cat([x, x], 2))
        return self.last(joined)

    def fixed(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], 1)[:, :6]


def find(how: str):
    torch.manual_seed(0)
    module = Joined(how).eval()
    return module, find_groups(trace(module, (1, 4, 5, 5)))


@pytest.mark.parametrize(
    ("how", "sizes"), [("channels", {"a": 6, "b": 6}), ("rows", {"a": 6}), ("a learned row", {"a": 6})]
)
def test_what_goes_together(how: str, sizes: dict[str, int]) -> None:
    module, groups = find(how)
    assert {group.name: group.size for group in groups.groups} == sizes
    keep = {group.name: [0, 2, 3] for group in groups.groups}
    x = torch.randn(2, 4, 5, 5)
    with torch.no_grad():
        thinned = thin(module, groups, keep)
        torch.testing.assert_close(thinned(x), zeroed(module, groups, keep)(x), rtol=1e-4, atol=1e-5)
    assert thinned.last.in_channels == 3 * len(sizes)


def test_channels_beside_others_that_never_go_stay() -> None:
    _, groups = find("the input beside it")
    assert [group.name for group in groups.groups] == []
    assert [(frozen.channels, frozen.reason) for frozen in groups.frozen if "joined" in frozen.reason] == [
        (6, "channels joined along another axis")
    ]
    assert groups.frozen[-1].where


def test_inputs_joined_hold_nothing_that_could_go() -> None:
    _, groups = find("two inputs")
    assert groups.groups == () and all("joined" not in frozen.reason for frozen in groups.frozen)


class ConvGru(nn.Module):
    """A convolutional GRU of one's own, whose first state is zeros of a size that stands in the code."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gates, self.new = (
            nn.Conv2d(1, 8, 3),
            nn.Conv2d(14, 12, 3, padding=1),
            nn.Conv2d(14, 6, 3, padding=1),
        )
        self.head = nn.Linear(6, 3)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(frames.shape[0], 6, 4, 4)
        for k in range(frames.shape[1]):
            seen = self.stem(frames[:, k : k + 1]).relu()
            update, reset = self.gates(torch.cat([seen, state], 1)).sigmoid().split(6, 1)
            new = self.new(torch.cat([seen, reset * state], 1)).tanh()
            state = (1 - update) * state + update * new
        return self.head(state.mean((2, 3)))


def test_a_first_state_in_the_code_keeps_its_channels() -> None:
    torch.manual_seed(0)
    module = ConvGru().eval()
    groups = find_groups(trace(module, (1, 3, 6, 6)))
    assert {group.name: group.size for group in groups.groups} == {"stem": 8}
    x = torch.randn(2, 3, 6, 6)
    with torch.no_grad():
        kept = thin(module, groups, {"stem": [0, 3, 5]})(x)
        torch.testing.assert_close(kept, zeroed(module, groups, {"stem": [0, 3, 5]})(x), rtol=1e-4, atol=1e-5)


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.hidden, self.head = nn.Embedding(20, 8), nn.Linear(8, 5), nn.Linear(5, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(torch.relu(self.hidden(self.table(words).mean(1))))


def test_columns_of_a_table_go_as_channels_do() -> None:
    torch.manual_seed(0)
    words = torch.randint(0, 20, (32, 6)).float()
    module = with_whole_numbers(Words().eval(), (6,))
    groups = find_groups(trace(module, (1, 6)))
    (name,) = (group.name for group in groups.groups if group.size == 8)
    keep = {name: [0, 2, 5, 7]}
    with torch.no_grad():
        thinned = thin(module, groups, keep)
        torch.testing.assert_close(thinned(words), zeroed(module, groups, keep)(words), rtol=1e-4, atol=1e-5)
    shapes = {tuple(value.shape) for value in thinned.state_dict().values()}
    assert (20, 4) in shapes and (5, 4) in shapes
