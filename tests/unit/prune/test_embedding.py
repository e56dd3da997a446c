"""Channels that a table of rows makes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeprune.model.inputs import with_whole_numbers
from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin, zeroed


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
