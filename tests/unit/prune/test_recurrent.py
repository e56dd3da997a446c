"""Recurrent modules thinned: one number of hidden units for all layers and directions; the zeroed network's outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeprune.model.trace import trace
from edgeprune.prune.coupling.groups import find_groups
from edgeprune.prune.surgery.thin import thin, zeroed

SHAPES: list[dict[str, object]] = [
    {},
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False},
]


class Last(nn.Module):
    def __init__(self, kind: type[nn.RNNBase], **settings: object):
        super().__init__()
        torch.manual_seed(0)
        self.recurrent = kind(6, 8, batch_first=True, **settings)  # type: ignore[arg-type, call-arg]
        self.fc = nn.Linear(16 if settings.get("bidirectional") else 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.recurrent(x)[0][:, -1])


@pytest.mark.parametrize("settings", SHAPES, ids=str)
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_layers_and_directions_lose_the_same_units(kind: type[nn.RNNBase], settings: dict[str, object]) -> None:
    module = Last(kind, **settings).eval()
    groups, inputs = find_groups(trace(module, (1, 5, 6))), torch.randn(3, 5, 6)
    assert [group.size for group in groups.groups] == [8]
    (name,) = groups.full_widths
    keep = {name: sorted(np.random.default_rng(1).permutation(8)[:5].tolist())}
    thinned = thin(module, groups, keep).eval()
    assert thinned.recurrent.hidden_size == 5  # type: ignore[union-attr]
    torch.testing.assert_close(thinned(inputs), zeroed(module, groups, keep)(inputs), rtol=1e-4, atol=1e-5)
